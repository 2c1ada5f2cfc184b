"""Takes input pictures from a client's bytes to storage, a few at a time, beside the event loop.

What is stored is of the size that is drawn, under a key made from its content: sending a picture again
stores nothing new, and puts off its end. It ends with the images of its time.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from PIL import Image as PillowImage

from app import outbound
from app.errors import InvalidImage
from app.input_pictures import InputPicture, png, read_picture
from app.settings import Settings
from app.storage import ObjectStore

_THREADS = 2  # bounds the memory of decoded pictures
_FETCH_SECONDS = 30.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Upload:
    """An input image and its mask as they came: encoded, and not to be trusted."""

    image: bytes
    mask: bytes | None = None


class InputStore:
    """Fetches, reads and keeps input pictures for the gateway."""

    def __init__(self, store: ObjectStore, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._pool = ThreadPoolExecutor(_THREADS, "inputs")
        self._client = outbound.outbound_client(settings.outbound_private_networks or ())

    async def close(self) -> None:
        """Let the threads and connections end."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        await self._client.aclose()

    async def fetch(self, url: str, param: str) -> bytes:
        """Download what is at an address that a client has named.

        Raises:
            UrlNotAllowed, UrlUnreachable: as `outbound.fetch`.
        """
        max_bytes = self._settings.max_upload_bytes
        fetched = await outbound.fetch(self._client, url, param=param, max_bytes=max_bytes, seconds=_FETCH_SECONDS)
        return fetched.data

    async def read(self, upload: Upload) -> InputPicture:
        """Decode an upload.

        Raises:
            InvalidImage: it cannot be used; `param` names the part.
        """
        return await self._aside(lambda: read_picture(upload.image, upload.mask, self._settings.max_upload_pixels))

    async def plain_png(self, data: bytes) -> bytes:
        """Return nothing but the pixels of an upload, upright, and what of them is transparent.

        Raises:
            InvalidImage: it cannot be used; `param` is "file".
        """
        try:
            return await self._aside(lambda: png(read_picture(data, None, self._settings.max_upload_pixels).whole()))
        except InvalidImage as error:
            error.param = "file"
            raise

    async def keep(self, picture: InputPicture, width: int, height: int) -> tuple[str, str | None]:
        """Store a picture at the size that is drawn; return the keys of image and mask.

        Raises:
            StorageUnavailable: it is not stored.
        """
        return await self._aside(lambda: self._keep(picture.scaled(width, height)))

    def _keep(self, picture: InputPicture) -> tuple[str, str | None]:
        mask = None if picture.mask is None else self._put(picture.mask)
        return self._put(picture.image), mask

    def _put(self, picture: PillowImage.Image) -> str:
        data = png(picture)
        key = f"inputs/{hashlib.sha256(data).hexdigest()}.png"
        self._store.put(key, data, "image/png")
        return key

    async def _aside(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)
