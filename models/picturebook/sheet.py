"""A labelled contact sheet of the book: one row per kind of scene.

``python -m models.picturebook.sheet OUT.png``
"""

import sys
import textwrap
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from models.picturebook.book import draw
from models.picturebook.captions import describe
from models.picturebook.kinds import KINDS
from models.picturebook.scenes import Scene, sample_scene

_CELL = 192
_LABEL = 44
_GAP = 8


def contact_sheet(*, columns: int = 8, seed: int = 0) -> Image.Image:
    """Draw one row of captioned pictures per kind of scene."""
    rng = np.random.default_rng(seed)
    rows = [_scenes_of(kind, columns, rng) for kind in KINDS]
    width, height = _CELL + _GAP, _CELL + _LABEL + _GAP
    sheet = Image.new("RGB", (columns * width + _GAP, len(rows) * height + _GAP), "white")
    for y, row in enumerate(rows):
        for x, scene in enumerate(row):
            sheet.paste(_labelled(scene, rng), (_GAP + x * width, _GAP + y * height))
    return sheet


def _scenes_of(kind: str, n: int, rng: np.random.Generator) -> list[Scene]:
    found: list[Scene] = []
    while len(found) < n:
        scene = sample_scene(rng, split="train")
        if scene.kind == kind:
            found.append(scene)
    return found


def _labelled(scene: Scene, rng: np.random.Generator) -> Image.Image:
    cell = Image.new("RGB", (_CELL, _CELL + _LABEL), "white")
    cell.paste(Image.fromarray(draw(scene, _CELL)), (0, 0))
    text = textwrap.fill(describe(scene, rng), 34)
    ImageDraw.Draw(cell).text((2, _CELL + 3), text, "black", ImageFont.load_default(11))
    return cell


if __name__ == "__main__":
    contact_sheet().save(Path(sys.argv[1]))
