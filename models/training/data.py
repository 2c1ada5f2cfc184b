"""A user's captioned pictures: a folder, an archive, or a folder of shards as one sequence.

`normalized` makes the images of a batch what the networks take; whoever trains encodes the captions.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from models.interface import Image
from models.training.captioned_files import CaptionedFile, CaptionedFiles
from models.training.files import open_files


class CaptionedPictures(Protocol):
    """A sequence of captioned pictures."""

    def __len__(self) -> int:
        """Return the number of pictures."""
        ...

    def __getitem__(self, index: int) -> CaptionedFile:
        """Return a picture and its caption, both read when asked for."""
        ...


class Concatenated:
    """Several sources, one after the other, such as the shards of a data set."""

    def __init__(self, sources: Sequence[CaptionedPictures]) -> None:
        self._sources = sources
        self._ends = list(accumulate(len(source) for source in sources))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> CaptionedFile:
        index = range(len(self))[index]
        source = bisect_right(self._ends, index)
        return self._sources[source][index - self._ends[source]]  # counted from the source's end


def open_pictures(path: Path) -> CaptionedPictures:
    """Open a folder or archive of captioned pictures, or a folder of .tar shards.

    Raises:
        DataError: it holds no captioned pictures, or something unsafe; the message names the file.
    """
    shards = sorted(path.glob("*.tar"))
    if shards:
        return Concatenated([CaptionedFiles(open_files(shard)) for shard in shards])
    return CaptionedFiles(open_files(path))


def normalized(images: Sequence[Image]) -> torch.Tensor:
    """Stack uint8 images (H, W, 3) to float32 in [-1, 1], (N, 3, H, W)."""
    return torch.from_numpy(np.stack(images)).movedim(-1, 1).float() / 127.5 - 1
