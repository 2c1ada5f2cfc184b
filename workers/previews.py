"""Unfinished pictures: when one is worth drawing, and what is passed around of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image as PillowImage

from app.job_events import PREVIEW_FORMAT
from app.messages import JobMessage
from app.provenance import encode_image
from models.interface import Image

PREVIEWS_PER_IMAGE = 8  # evenly over its steps: decoding one can cost as much as a step
LONGEST_SIDE = 256  # pixels
_QUALITY = 75


@dataclass(frozen=True, slots=True)
class UnfinishedImage:
    """The `number`-th look at the `index`-th image of a job."""

    index: int
    number: int
    image: Image

    def encode(self, message: JobMessage, *, model_revision: str) -> bytes:
        """Make a small picture of it, marked as generated like any other."""
        picture = PillowImage.fromarray(self.image)
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        return encode_image(
            np.asarray(picture),
            output_format=PREVIEW_FORMAT,
            output_compression=_QUALITY,
            model=message.model,
            model_revision=model_revision,
            seed=message.request.seed,
        )


class Previews:
    """The previews of one job: the generator's thread puts them in, the lease's thread takes the latest out."""

    def __init__(self) -> None:
        self.wanted = False
        self._numbers: dict[int, int] = {}  # of each image's next preview
        self._slots: dict[int, int] = {}  # of each image's last preview, of those that its steps are divided into
        self._ready: dict[int, UnfinishedImage] = {}

    def __bool__(self) -> bool:
        return bool(self._ready)

    def is_due(self, index: int, step: int, num_steps: int) -> bool:
        """Whether somebody looks, and the image is far enough from its last preview and not finished."""
        return self.wanted and step < num_steps and _slot(step, num_steps) > self._slots.get(index, 0)

    def add(self, index: int, step: int, num_steps: int, image: Image) -> None:
        """Have a picture passed on; one that is still here is replaced."""
        number = self._numbers.get(index, 0)
        self._numbers[index] = number + 1
        self._slots[index] = _slot(step, num_steps)
        self._ready[index] = UnfinishedImage(index, number, image)

    def take(self) -> list[UnfinishedImage]:
        """Take out what is here."""
        return [self._ready.pop(index) for index in list(self._ready)]


def _slot(step: int, num_steps: int) -> int:
    return step * (PREVIEWS_PER_IMAGE + 1) // num_steps
