"""Pictures that clients upload once and name in later requests: pixels in storage, all else in Redis, for a time.

The hash `easel:files:<tenant>` maps ids to what is known of a file, so an id that is another tenant's is not found.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Literal, TypeAlias

import redis.asyncio
from pydantic import BaseModel, ConfigDict

from app.errors import FileNotFound, ObjectNotFound, TooManyFiles
from app.inputs import InputStore
from app.job_records import new_file_id
from app.queue_calls import naming_outages
from app.settings import Settings
from app.storage import ObjectStore

MOST_FILES = 100  # of one tenant at a time
RETRY_AFTER_SECONDS = 60

Purpose: TypeAlias = Literal["vision", "user_data"]


class ClientFile(BaseModel):
    """What is known of a file; its pixels lie in storage as a PNG."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    purpose: Purpose
    bytes: int
    created_at: dt.datetime
    expires_at: dt.datetime


class ClientFiles:
    """All tenants' files.

    Raises (each method):
        QueueUnavailable: Redis does not answer.
        StorageUnavailable: the store does not.
    """

    def __init__(self, client: redis.asyncio.Redis, store: ObjectStore, inputs: InputStore, settings: Settings) -> None:
        self._client = client
        self._store = store
        self._inputs = inputs
        self._kept = dt.timedelta(seconds=settings.job_retention_seconds)

    async def create(self, tenant: str, purpose: Purpose, data: bytes, now: dt.datetime) -> ClientFile:
        """Keep the pixels of an uploaded picture as long as the service keeps jobs.

        Raises:
            InvalidImage: it cannot be used.
            TooManyFiles: the tenant has as many as are allowed.
        """
        if len(await self.all(tenant, now)) >= MOST_FILES:
            raise TooManyFiles(f"you have {MOST_FILES} files: delete one", retry_after_seconds=RETRY_AFTER_SECONDS)
        pixels = await self._inputs.plain_png(data)
        file = ClientFile(
            id=new_file_id(now.timestamp()),
            purpose=purpose,
            bytes=len(pixels),
            created_at=now,
            expires_at=now + self._kept,
        )
        seconds = int(self._kept.total_seconds())
        await asyncio.to_thread(self._store.put, _key(file.id), pixels, "image/png", kept_seconds=seconds)
        with naming_outages():
            await self._client.hset(_hash(tenant), file.id, file.model_dump_json())
            await self._client.expire(_hash(tenant), seconds)  # none of them lives longer than the latest
        return file

    async def all(self, tenant: str, now: dt.datetime) -> list[ClientFile]:
        """List a tenant's files, the latest first; what has expired is forgotten."""
        with naming_outages():
            found = await self._client.hgetall(_hash(tenant))
            files = sorted((ClientFile.model_validate_json(one) for one in found.values()), key=lambda one: one.id)
            expired = [file.id for file in files if file.expires_at <= now]
            if expired:
                await self._client.hdel(_hash(tenant), *expired)
        return [file for file in reversed(files) if file.id not in expired]

    async def get(self, file_id: str, tenant: str, now: dt.datetime) -> ClientFile:
        """Tell what is known of a file.

        Raises:
            FileNotFound: the tenant has none of this id, or it has expired.
        """
        with naming_outages():
            found = await self._client.hget(_hash(tenant), file_id)
        file = ClientFile.model_validate_json(found) if found else None
        if file is None or file.expires_at <= now:
            raise FileNotFound(f"there is no file {file_id!r}, or it is no longer kept")
        return file

    async def read(self, file_id: str, tenant: str, now: dt.datetime) -> bytes:
        """Return a file's pixels as PNG.

        Raises:
            FileNotFound: as `get`.
        """
        file = await self.get(file_id, tenant, now)
        try:
            return await asyncio.to_thread(self._store.get, _key(file.id))
        except ObjectNotFound as error:
            raise FileNotFound(f"the file {file_id!r} is no longer kept") from error

    async def delete(self, file_id: str, tenant: str, now: dt.datetime) -> None:
        """Forget a file at once; what is drawn after it goes on, for each job has its own copy.

        Raises:
            FileNotFound: as `get`.
        """
        await self.get(file_id, tenant, now)
        await asyncio.to_thread(self._store.delete, _key(file_id))
        with naming_outages():
            await self._client.hdel(_hash(tenant), file_id)


def _hash(tenant: str) -> str:
    return f"easel:files:{tenant}"


def _key(file_id: str) -> str:
    return f"uploads/{file_id}.png"
