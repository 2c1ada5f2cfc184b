"""Text in a box: as large as fits, wrapped at words, ended with an ellipsis where even small letters are too many."""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache

from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from models.testcard.inks import RGB
from models.testcard.press import Box

SMALLEST = 7  # pixels
LEADING = 1.16  # line height in font sizes
BOLD = 0.028  # stroke in font sizes
NARROWEST = 0.3  # mean width of a letter in font sizes, at the least


def letter(canvas: PillowImage.Image, box: Box, text: str, color: RGB, *, largest: float, bold: bool = False) -> None:
    """Write `text` centred in `box`, in letters of at most `largest` pixels."""
    left, top, right, bottom = box
    size, lines = fit(text, right - left, bottom - top, largest)
    draw = ImageDraw.Draw(canvas)
    y = (top + bottom) / 2 - LEADING * size * (len(lines) - 1) / 2
    for line in lines:
        stroke = size * BOLD if bold else 0
        draw.text(((left + right) / 2, y), line, color, _font(size), anchor="mm", stroke_width=stroke)
        y += LEADING * size


def fit(text: str, width: float, height: float, largest: float) -> tuple[int, list[str]]:
    """Choose the largest letters whose lines fit, and the lines."""
    text = _plain(text)
    too_large = math.sqrt(width * height / (NARROWEST * LEADING * max(1, len(text))))
    size = max(SMALLEST, int(min(largest, too_large)))
    while size > SMALLEST:
        lines = _wrap(text.split(), _font(size), width)
        if lines and len(lines) <= height / (LEADING * size):
            return size, lines
        size = max(SMALLEST, int(size * 0.95))
    return SMALLEST, _cut(text, width, height)


def _cut(text: str, width: float, height: float) -> list[str]:
    """Fill the box with the beginning of the text, in the smallest letters, breaking words that are too wide."""
    font, rows = _font(SMALLEST), max(1, int(height / SMALLEST))
    chunk = max(1, int(width / font.getlength("m")))
    words = [word[start : start + chunk] for word in text.split() for start in range(0, len(word), chunk)]
    lines = _wrap(words, font, width) or words
    return lines if len(lines) <= rows else [*lines[: rows - 1], lines[rows - 1][:-1] + "…"]


def _wrap(words: list[str], font: ImageFont.FreeTypeFont, width: float) -> list[str] | None:
    """Fill line after line; None if a single word is wider than the box."""
    lines: list[str] = []
    for word in words:
        if font.getlength(word) > width:
            return None
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _plain(text: str) -> str:
    """Take off accents: the only letters that come with Pillow are plain ones."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.replace("ß", "ss")) if not unicodedata.combining(c))


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType, so it has no scalable letters")
    return font
