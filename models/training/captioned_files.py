"""Images with captions out of a folder or an archive, cropped and scaled to one size.

Captions come from JSON lines (`{"file_name": ..., "text": ...}`, as for Hugging Face's ImageFolder)
where there are any; else from a .txt or .json file beside each image, with the same name up to the
last dot, as in most WebDataset shards (https://github.com/webdataset/webdataset).
"""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps

from models.interface import Image
from models.training.files import DataError, Files

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")
CAPTION_SUFFIXES = (".txt", ".json")
CAPTION_KEYS = ("text", "caption")


@dataclass(frozen=True)
class CaptionedFile:
    """An image among files, whose caption was told in a table or is read from the file beside it."""

    files: Files
    name: str
    told: str | None
    beside: str

    @property
    def where(self) -> str:
        """Name the image for a message."""
        return f"{self.files.source}: {self.name}"

    @cached_property
    def caption(self) -> str:
        """The caption.

        Raises:
            DataError: it is empty or not text.
        """
        return self.told if self.told is not None else _read_caption(self.files, self.beside)

    def image(self, size: int) -> Image:
        """Return the middle square of the image, scaled: uint8 RGB (size, size, 3).

        Raises:
            DataError: the image is broken.
        """
        with self._opened() as image:
            return square(image, size)

    def size(self) -> tuple[int, int]:
        """Return width and height in pixels, as the file's head tells them.

        Raises:
            DataError: this is no image.
        """
        with self._opened() as image:
            return image.size

    @contextmanager
    def _opened(self) -> Iterator[PillowImage.Image]:
        try:
            with PillowImage.open(io.BytesIO(self.files.read(self.name))) as image:
                yield image
        except DataError:
            raise
        except (OSError, ValueError, SyntaxError, PillowImage.DecompressionBombError) as error:
            raise DataError(f"{self.where}: not a usable image: {error}") from error


class CaptionedFiles:
    """A sequence of captioned images, sorted by file name."""

    def __init__(self, files: Files) -> None:
        """List the images and their captions; captions beside images are read when asked for.

        Raises:
            DataError: there is no image, an image has no caption, or a caption has no image.
        """
        tables = [name for name in files.names() if name.endswith(".jsonl")]
        told = dict(caption for table in tables for caption in _captions_in_table(files, table))
        beside = {} if tables else _captions_beside_images(files)
        names = sorted([*told, *beside])
        self._images = [CaptionedFile(files, name, told.get(name), beside.get(name, "")) for name in names]
        if not self._images:
            raise DataError(f"{files.source}: no images ({', '.join(IMAGE_SUFFIXES)})")

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> CaptionedFile:
        return self._images[index]


def square(image: PillowImage.Image, size: int) -> Image:
    """Turn upright, flatten on white, cut out the middle square and scale it: uint8 (size, size, 3)."""
    upright = ImageOps.exif_transpose(image).convert("RGBA")
    flat = PillowImage.alpha_composite(PillowImage.new("RGBA", upright.size, "white"), upright).convert("RGB")
    return np.array(ImageOps.fit(flat, (size, size), PillowImage.Resampling.LANCZOS))


def _captions_beside_images(files: Files) -> dict[str, str]:
    """Find the caption file of every image."""
    images = [name for name in files.names() if name.lower().endswith(IMAGE_SUFFIXES)]
    known = frozenset(files.names())
    found: dict[str, str] = {}
    for image in images:
        candidates = [str(PurePosixPath(image).with_suffix(suffix)) for suffix in CAPTION_SUFFIXES]
        beside = [name for name in candidates if name in known]
        if not beside:
            raise DataError(f"{files.source}: {image}: no caption, expected {' or '.join(candidates)}")
        found[image] = beside[0]
    return found


def _captions_in_table(files: Files, table: str) -> Iterator[tuple[str, str]]:
    """Yield image and caption of every line of a .jsonl; file names are relative to it."""
    known = frozenset(files.names())
    for number, line in enumerate(_text(files, table).rstrip().splitlines(), start=1):
        where = f"{files.source}: {table}, line {number}"
        row = _object(line, where)
        image = str(PurePosixPath(table).parent / str(row.get("file_name")))
        if image not in known:
            raise DataError(f"{where}: there is no file_name {row.get('file_name')!r}")
        yield image, _caption(row, where)


def _read_caption(files: Files, name: str) -> str:
    where = f"{files.source}: {name}"
    text = _text(files, name)
    return _caption(_object(text, where) if name.endswith(".json") else {"text": text}, where)


def _caption(row: dict[str, Any], where: str) -> str:
    text = next((row[key] for key in CAPTION_KEYS if key in row), None)
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"{where}: no caption (a text that is not empty, under {' or '.join(CAPTION_KEYS)})")
    return " ".join(text.split())


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"{where}: expected a JSON object")
    return value


def _text(files: Files, name: str) -> str:
    try:
        return files.read(name).decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{files.source}: {name}: not UTF-8 text") from error
