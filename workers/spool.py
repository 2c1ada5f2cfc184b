"""Keeps encoded images on this host's disk while storage is away; what a killed worker leaves is used, or swept away.

One folder serves all workers of a host. A file's name says whose image it is and which revision of the model drew it,
so whichever of them takes the job next uploads the file instead of drawing the image again: the same request, seed and
revision give the same image.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import threading
import time
from pathlib import Path

from app.errors import ObjectNotFound, StorageUnavailable
from app.messages import CONTENT_TYPES, JobMessage
from app.settings import Settings
from app.storage.files import FileStore
from app.storage.signing import UrlSigner
from models.interface import Row

_COUNT_AGAIN_SECONDS = 1.0  # other workers use the folder, too


class SpoolRefuses(Exception):
    """The image cannot be kept here now; the message says whether the bound is reached or what the disk answers."""


def spool_name(message: JobMessage, row: Row, model_revision: str) -> str:
    """Name the file of an image."""
    drawn_by = hashlib.sha256(model_revision.encode()).hexdigest()[:16]
    return f"{row.job_id}.{row.index}.{drawn_by}.{message.output_format}"


class Spool:
    """Encoded images in a folder, each whole or absent, at most `max_bytes` together.

    Raises:
        StorageUnavailable: the folder cannot be written to.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._files = FileStore.at(folder, UrlSigner(secrets.token_bytes(32)))  # nobody asks it for links
        self._files.check()
        self._lock = threading.Lock()
        self._bytes = 0
        self._counted_at = float("-inf")

    def put(self, name: str, data: bytes) -> None:
        """Keep an image; once this returns, it survives this process.

        Raises:
            SpoolRefuses: there is no room.
        """
        self._reserve(len(data))
        try:
            self._files.put(name, data, CONTENT_TYPES[name.rpartition(".")[2]])  # type: ignore[index]
        except StorageUnavailable as error:
            raise SpoolRefuses(error.detail) from error

    def get(self, name: str) -> bytes | None:
        """Read an image, or nothing if it is not there or cannot be read."""
        if not os.path.lexists(self._folder / name):  # asked for every image, right before it is drawn
            return None
        with contextlib.suppress(ObjectNotFound, StorageUnavailable):
            return self._files.get(name)
        return None

    def remove(self, name: str) -> None:
        """Forget an image."""
        with contextlib.suppress(StorageUnavailable):  # then the sweep does it
            self._files.delete(name)
        self._counted_at = float("-inf")

    def sweep(self, older_than_seconds: float) -> int:
        """Remove what nobody has come for; return how many files that were."""
        with contextlib.suppress(StorageUnavailable):
            return self._files.sweep(older_than_seconds)
        return 0

    def _reserve(self, num_bytes: int) -> None:
        with self._lock:
            if time.monotonic() > self._counted_at + _COUNT_AGAIN_SECONDS:
                self._bytes = _bytes_in(self._folder)
                self._counted_at = time.monotonic()
            if self._bytes + num_bytes > self._max_bytes:
                raise SpoolRefuses(f"{self._folder} holds {self._bytes} of {self._max_bytes} bytes")
            self._bytes += num_bytes


def open_spool(settings: Settings) -> Spool | None:
    """Open the spool that the settings ask for, if they do.

    Raises:
        StorageUnavailable: the folder cannot be written to.
    """
    if settings.spool_max_bytes == 0:
        return None
    return Spool(settings.spool_dir or settings.data_dir / "spool", settings.spool_max_bytes)


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another worker was faster
            total += path.stat().st_size if path.is_file() else 0
    return total
