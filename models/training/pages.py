"""Pages to train on: numbered, without end, from the picture book or from a user's own captioned pictures.

The same number always gives the same page, so a batch that is a function of its step can be made again after a
restart, in any process.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from models.interface import Image
from models.training.book_pages import BookPages
from models.training.data import open_pictures
from models.training.files import DataError
from models.training.own_pages import OwnPages, require_usable


class Page(Protocol):
    """A picture and what can be said of it."""

    def image(self, size: int = 128) -> Image:
        """Return the picture, uint8 RGB (size, size, 3)."""
        ...

    def caption(self, rng: np.random.Generator) -> str:
        """Return a caption that is true of the picture."""
        ...

    def near_miss(self, rng: np.random.Generator) -> str:
        """Return a caption that is wrong."""
        ...


class Pages(Protocol):
    """Numbered pages, of which the first ``num_different`` are all different.

    ``digest`` tells them from those of an earlier run; ``prompts`` are four to show progress with.
    """

    vocabulary: tuple[str, ...]
    digest: str
    num_different: int
    prompts: tuple[str, ...]

    def page(self, number: int) -> Page:
        """Return the page of a number, 0 or above."""
        ...

    def different(self, most: int) -> Sequence[Page]:
        """Return so many pages, no two alike, or all that there are."""
        ...


def open_pages(
    data: str, seed: int, *, at_least: int, side: int = 128, max_words: int | None = None, hard_share: float = 0.0
) -> Pages:
    """Open the user's pictures at ``data``, or the picture book if it is empty.

    Own pictures must be ``at_least`` so many, have ``side`` pixels on their shorter side, and captions of at most
    ``max_words``; ``hard_share`` is the book's alone.

    Raises:
        DataError: the pictures cannot be used; the message names the file.
    """
    if not data:
        return BookPages(seed, hard_share)
    pictures = open_pictures(Path(data))
    if len(pictures) < at_least:
        raise DataError(f"{data}: {len(pictures)} pictures, at least {at_least} are needed")
    for index in range(len(pictures)):
        require_usable(pictures[index], side, max_words)
    return OwnPages(pictures, seed)
