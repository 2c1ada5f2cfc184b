"""Captioned pictures to train on: pages of the picture book, or a user's own files.

Every source answers `source[index]` with a square uint8 image and its caption. `normalized` makes
the images of a batch what the networks take; whoever trains encodes the captions.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from models.interface import Image
from models.picturebook import picture
from models.picturebook.scenes import Split
from models.training.captioned_files import CaptionedFiles
from models.training.files import open_files


class CaptionedPictures(Protocol):
    """A sequence of captioned pictures."""

    def __len__(self) -> int:
        """Return the number of pictures."""
        ...

    def __getitem__(self, index: int) -> tuple[Image, str]:
        """Return a picture, uint8 RGB (size, size, 3), and its caption."""
        ...


class PicturebookPages:
    """So many consecutive pages of one split of the picture book, drawn when asked for."""

    def __init__(self, length: int, *, size: int = 128, split: Split = "train", first_seed: int = 0) -> None:
        self._seeds = range(first_seed, first_seed + length)
        self._size = size
        self._split = split

    def __len__(self) -> int:
        return len(self._seeds)

    def __getitem__(self, index: int) -> tuple[Image, str]:
        page = picture(self._seeds[index], size=self._size, split=self._split)
        return page.image, page.caption


class Concatenated:
    """Several sources, one after the other, such as the shards of a data set."""

    def __init__(self, sources: Sequence[CaptionedPictures]) -> None:
        self._sources = sources
        self._ends = list(accumulate(len(source) for source in sources))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> tuple[Image, str]:
        index = range(len(self))[index]
        source = bisect_right(self._ends, index)
        return self._sources[source][index - self._ends[source]]  # counted from the source's end


def open_pictures(path: Path, *, size: int = 128) -> CaptionedPictures:
    """Open a folder or archive of captioned pictures, or a folder of .tar shards.

    Raises:
        DataError: it holds no captioned pictures, or something unsafe; the message names the file.
    """
    shards = sorted(path.glob("*.tar"))
    if shards:
        return Concatenated([CaptionedFiles(open_files(shard), size=size) for shard in shards])
    return CaptionedFiles(open_files(path), size=size)


def normalized(images: Sequence[Image]) -> torch.Tensor:
    """Stack uint8 images (H, W, 3) to float32 in [-1, 1], (N, 3, H, W)."""
    return torch.from_numpy(np.stack(images)).movedim(-1, 1).float() / 127.5 - 1
