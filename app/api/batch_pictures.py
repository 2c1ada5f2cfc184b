"""Fetches the pictures of a batch: each address once, and all of them within one bound of time and of bytes."""

from __future__ import annotations

import asyncio

from app.api.dependencies import Gateway
from app.api.picture_bodies import fetch
from app.errors import UrlUnreachable
from app.tenants.tenant import Tenant

ALL_SECONDS = 60.0


class BatchPictures:
    """What the addresses of one batch hold; data URLs count as any other address."""

    def __init__(self, gateway: Gateway, caller: Tenant, *, seconds: float = ALL_SECONDS) -> None:
        self._gateway = gateway
        self._caller = caller
        self._known: dict[str, bytes] = {}
        self._bytes_left = gateway.settings.max_upload_bytes
        self._ends_at = asyncio.get_running_loop().time() + seconds
        self._seconds = seconds

    async def fetch(self, address: str, param: str) -> bytes:
        """Return what is at an address.

        Raises:
            InvalidImage, FileNotFound, UrlNotAllowed: as `picture_bodies.fetch`.
            UrlUnreachable: as that, or the pictures of the batch are too large or too slow together.
        """
        if address not in self._known:
            self._known[address] = await self._fetch_in_time(address, param)
            self._bytes_left -= len(self._known[address])
            if self._bytes_left < 0:
                most = self._gateway.settings.max_upload_bytes
                raise UrlUnreachable(
                    f"{param}: the pictures of a batch have at most {most} bytes together", param=param
                )
        return self._known[address]

    async def _fetch_in_time(self, address: str, param: str) -> bytes:
        try:
            async with asyncio.timeout_at(self._ends_at):
                return await fetch(address, param, self._gateway, self._caller)
        except TimeoutError as error:
            detail = f"{param}: the pictures of a batch may take {self._seconds:g} s together"
            raise UrlUnreachable(detail, param=param) from error
