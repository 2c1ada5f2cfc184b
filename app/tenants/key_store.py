"""Keeps API keys in Redis: the hash `easel:api-keys` maps the SHA-256 of each key to what is known of it, as JSON."""

from __future__ import annotations

import datetime as dt

import redis.asyncio

from app.errors import NotFound
from app.queue_calls import naming_outages
from app.tenants.allowance import spent_key
from app.tenants.keys import digest_of, id_of, new_key
from app.tenants.tenant import ApiKey, Limits

KEYS = "easel:api-keys"


class KeyStore:
    """All API keys of the service, revoked and expired ones among them.

    Raises (each method):
        QueueUnavailable: Redis does not answer.
    """

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client

    async def create(
        self, tenant: str, limits: Limits, *, now: dt.datetime, expires_at: dt.datetime | None = None
    ) -> tuple[str, ApiKey]:
        """Make a key; this is the only moment at which it can be read.

        Raises:
            pydantic.ValidationError: the tenant's name cannot be used.
        """
        key = new_key()
        digest = digest_of(key)
        known = ApiKey(id=id_of(digest), tenant=tenant, limits=limits, created_at=now, expires_at=expires_at)
        with naming_outages():
            await self._client.hset(KEYS, digest, known.model_dump_json())
        return key, known

    async def find(self, digest: str) -> ApiKey | None:
        """Return the key of this digest, in whatever state it is."""
        with naming_outages():
            found = await self._client.hget(KEYS, digest)
        return ApiKey.model_validate_json(found) if found else None

    async def overview(self, now: dt.datetime) -> list[tuple[ApiKey, float]]:
        """Return all keys, the oldest first, and the pixel-steps that each has spent in this month."""
        keys = sorted((await self._all()).values(), key=lambda key: key.created_at)
        with naming_outages():
            spent = await self._client.mget([spent_key(key.id, now) for key in keys]) if keys else []
        return [(key, float(steps or 0)) for key, steps in zip(keys, spent, strict=True)]

    async def count(self) -> int:
        """Count the keys that were ever made."""
        with naming_outages():
            return int(await self._client.hlen(KEYS))

    async def revoke(self, key_id: str, *, now: dt.datetime) -> ApiKey:
        """Let a key open nothing any more; one that is revoked already stays so.

        Raises:
            NotFound: there is no key of this id.
        """
        for digest, key in (await self._all()).items():
            if key.id == key_id:
                revoked = key.model_copy(update={"revoked_at": key.revoked_at or now})
                with naming_outages():
                    await self._client.hset(KEYS, digest, revoked.model_dump_json())
                return revoked
        raise NotFound(f"there is no key {key_id!r}")

    async def _all(self) -> dict[bytes | str, ApiKey]:
        with naming_outages():
            found = await self._client.hgetall(KEYS)
        return {digest: ApiKey.model_validate_json(known) for digest, known in found.items()}
