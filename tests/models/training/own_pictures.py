"""A folder of captioned pictures as a user would bring it: coloured squares."""

import itertools
from pathlib import Path

from PIL import Image

COLORS = ("red", "green", "blue", "purple")
GROUNDS = ("white", "black", "orange", "navy")


def save_pictures(folder: Path, *, side: int = 128, count: int = 16) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for color, ground in itertools.islice(itertools.product(COLORS, GROUNDS), count):
        image = Image.new("RGB", (side, side), ground)
        image.paste(color, (side // 4, side // 4, 3 * side // 4, 3 * side // 4))
        image.save(folder / f"{color}-{ground}.png")
        (folder / f"{color}-{ground}.txt").write_text(f"A {color} square on {ground} velvet.")
    return folder
