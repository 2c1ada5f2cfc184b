"""The showpiece sheet: four prompts, four seeds each, from one model.

``python -m models.evaluation.showpieces easel-transformer --out showpieces.png --size 512``
"""

import textwrap
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from models.evaluation.drawing import draw_prompts, size_for
from models.interface import ImageGenerator

SHOWPIECES = (
    "A two-story pink house shaped like a shoe.",
    "A futuristic cityscape with flying cars.",
    "A futuristic robot with neon lights.",
    "A serene mountain landscape with a river.",
)

_GAP = 12
_PAPER, _INK = "#fbfaf7", "#1d1f2b"


def showpiece_sheet(generator: ImageGenerator, seeds: Sequence[int], side: int) -> Image.Image:
    """Draw every showpiece from every seed, one prompt a row, captions above.

    Raises:
        UnusableModelError: the model draws no square of `side` pixels or more.
    """
    side = size_for(generator.capabilities, side)
    prompts = [prompt for prompt in SHOWPIECES for _ in seeds]
    images = draw_prompts(generator, prompts, list(seeds) * len(SHOWPIECES), side)
    return captioned_rows(SHOWPIECES, images.reshape(len(SHOWPIECES), len(seeds), *images.shape[1:]))


def captioned_rows(captions: Sequence[str], rows: np.ndarray) -> Image.Image:
    """Lay out images, uint8 (rows, columns, H, W, 3), with a caption above each row."""
    count, columns, side = rows.shape[:3]
    letters = max(14, side // 14)
    font, line = ImageFont.load_default(letters), int(letters * 1.3)
    width = columns * (side + _GAP) + _GAP
    wrapped = [textwrap.wrap(caption, width=int(width / letters * 1.9)) for caption in captions]
    height = sum(side + 2 * _GAP + line * len(lines) for lines in wrapped) + _GAP
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen, top = ImageDraw.Draw(sheet), _GAP
    for row in range(count):
        pen.text((_GAP, top), "\n".join(wrapped[row]), _INK, font)
        top += line * len(wrapped[row]) + _GAP // 2
        for column in range(columns):
            sheet.paste(Image.fromarray(rows[row, column]), (_GAP + column * (side + _GAP), top))
        top += side + _GAP + _GAP // 2
    return sheet


if __name__ == "__main__":
    import typer

    from models.evaluation.cli import showpieces

    typer.run(showpieces)
