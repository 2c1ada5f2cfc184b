"""Pages of a user's own: pictures with one caption each, round after round, each round in an order of its own."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from models.interface import Image
from models.picturebook.vocabulary import split_words
from models.training.captioned_files import CaptionedFile
from models.training.data import CaptionedPictures
from models.training.files import DataError

MAX_VOCABULARY = 8192


@dataclass(frozen=True)
class OwnPage:
    """A picture file with its one caption; the captions of the others are wrong for it."""

    file: CaptionedFile
    captions: list[str]
    index: int

    def image(self, size: int = 128) -> Image:
        """Return the picture, uint8 RGB (size, size, 3).

        Raises:
            DataError: the file is broken.
        """
        return self.file.image(size)

    def caption(self, rng: np.random.Generator) -> str:  # noqa: ARG002 - the protocol's
        """Return the caption."""
        return self.captions[self.index]

    def near_miss(self, rng: np.random.Generator) -> str:
        """Return a caption of another picture that differs."""
        while True:
            other = self.captions[rng.integers(len(self.captions))]
            if other != self.captions[self.index]:
                return other


class OwnPages:
    """A user's pictures in rounds; the vocabulary is made of their captions, the most frequent words if need be."""

    def __init__(self, pictures: CaptionedPictures, seed: int) -> None:
        """Read all captions.

        Raises:
            DataError: a caption is missing or empty, or all are the same.
        """
        self._pictures = pictures
        self.num_different = len(pictures)
        self._captions = [pictures[index].caption for index in range(len(pictures))]
        self._order = lru_cache(maxsize=2)(lambda turn: np.random.default_rng((seed, turn)).permutation(len(pictures)))
        if len(set(self._captions)) == 1:
            raise DataError(f"{pictures[0].files.source}: all captions are the same")
        self.prompts = tuple(self._captions[index] for index in self._order(0)[:4])
        counts = Counter(word for caption in self._captions for word in split_words(caption))
        self.vocabulary = tuple(sorted(word for word, _ in counts.most_common(MAX_VOCABULARY)))
        names = (pictures[index].name for index in range(len(pictures)))
        listing = "\n".join(f"{name}\t{caption}" for name, caption in zip(names, self._captions, strict=True))
        self.digest = hashlib.sha256(listing.encode()).hexdigest()

    def page(self, number: int) -> OwnPage:
        """Return the page of a number: its round, and its place in that round's order."""
        turn, place = divmod(number, len(self._pictures))
        return self._page(int(self._order(turn)[place]))

    def different(self, most: int) -> list[OwnPage]:
        """Return so many of the pictures, or all."""
        return [self._page(int(index)) for index in self._order(0)[:most]]

    def _page(self, index: int) -> OwnPage:
        return OwnPage(self._pictures[index], self._captions, index)


def require_usable(file: CaptionedFile, side: int, max_words: int | None) -> None:
    """Check a picture's size and caption before any training.

    Raises:
        DataError: the shorter side has less than ``side`` pixels, or the caption no word or too many.
    """
    width, height = file.size()
    if min(width, height) < side:
        raise DataError(f"{file.where}: {width}x{height} pixels, at least {side} are needed on the shorter side")
    count = len(split_words(file.caption))
    if count == 0:
        raise DataError(f"{file.where}: the caption has no words")
    if max_words is not None and count > max_words:
        raise DataError(f"{file.where}: the caption has {count} words, more than text_length ({max_words})")
