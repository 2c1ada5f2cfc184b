"""Letters are as large as fits, and never cross the edge of their box."""

import pytest
from PIL import ImageFont

from models.testcard.lettering import LEADING, SMALLEST, fit

TEXTS = [
    "A house.",
    "A two-story pink house shaped like a shoe.",
    "word " * 300,
    "Donaudampfschifffahrtsgesellschaft" * 3,
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(("width", "height"), [(50, 16), (200, 60), (800, 200)])
def test_lines_fit_their_box(text, width, height):
    """No line is wider than the box, and together they are no higher."""
    size, lines = fit(text, width, height, largest=100)
    font = ImageFont.load_default(size)
    assert all(font.getlength(line) <= width + SMALLEST for line in lines)
    assert len(lines) * size <= height or len(lines) == 1


def test_short_text_is_large():
    """Size is bounded by `largest` alone where there is room."""
    assert fit("whale", 500, 200, largest=60) == (60, ["whale"])


def test_text_that_fits_is_complete():
    """Wrapping loses no word."""
    text = "A blue robot holding a red balloon in a green meadow."
    size, lines = fit(text, 200, 80, largest=60)
    assert " ".join(lines) == text
    assert len(lines) * LEADING * size <= 80


def test_text_that_does_not_fit_ends_in_an_ellipsis():
    """A reader sees that there is more."""
    assert fit("word " * 300, 100, 30, largest=20)[1][-1].endswith("…")
