"""Clients of whichever Redis the sentinels call the master, so that a fail-over needs no restart of ours.

Address: `redis+sentinel://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…]/SERVICE[/DATABASE]`, with `rediss+sentinel` for
TLS to Redis; user and password are those of Redis, the sentinels need none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel

SCHEMES = ("redis+sentinel", "rediss+sentinel")
DEFAULT_PORT = 26379


@dataclass(frozen=True, slots=True)
class SentinelAddress:
    """Whom to ask, for which service, and how to log in to what they name."""

    sentinels: tuple[tuple[str, int], ...]
    service: str
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read an address.

        Raises:
            ValueError: it has no host, no service, or a port or database that is no number.
        """
        parts = urlsplit(url)
        service, _, database = parts.path.strip("/").partition("/")
        hosts = parts.netloc.rpartition("@")[2]
        if not hosts or not service:
            raise ValueError("an address of sentinels is redis+sentinel://HOST:PORT,HOST:PORT/SERVICE")
        options = {
            "db": int(database or 0),
            "username": unquote(parts.username) if parts.username else None,
            "password": unquote(parts.password) if parts.password else None,
            "ssl": parts.scheme.startswith("rediss"),
        }
        given = {name: value for name, value in options.items() if value}
        return cls(tuple(_host_and_port(host) for host in hosts.split(",")), service, given)


class _SentinelPool(redis.asyncio.sentinel.SentinelConnectionPool, redis.asyncio.BlockingConnectionPool):
    """Connections to the master, for which callers wait in line when all are busy."""

    async def aclose(self) -> None:
        """Close these connections and those to the sentinels."""
        await super().aclose()
        await self.sentinel_manager.aclose()


def async_pool(url: str, *, bounds: dict[str, Any], **options: Any) -> redis.asyncio.BlockingConnectionPool:
    """Make the gateway's pool; `bounds` limit the sentinels' answers and Redis' alike."""
    address = SentinelAddress.parse(url)
    sentinels = redis.asyncio.sentinel.Sentinel(address.sentinels, sentinel_kwargs=bounds)
    return _SentinelPool(address.service, sentinels, **bounds, **options, **address.options)  # type: ignore[no-untyped-call]


def sync_client(url: str, *, bounds: dict[str, Any], **options: Any) -> redis.Redis:
    """Make a worker's client."""
    address = SentinelAddress.parse(url)
    sentinels = redis.sentinel.Sentinel(address.sentinels, sentinel_kwargs=bounds)
    client: redis.Redis = sentinels.master_for(address.service, **bounds, **options, **address.options)
    return client


def _host_and_port(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    return (host, int(port)) if colon else (text, DEFAULT_PORT)
