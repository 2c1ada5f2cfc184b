"""Makes every client of Redis from the settings: bounded waits, chosen retries, a server that never evicts jobs."""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio
import redis.asyncio.retry
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from app import redis_sentinels
from app.errors import EaselError
from app.settings import Settings

REDIS_DOWN = (RedisConnectionError, RedisTimeoutError)  # nobody answers, or not in time
REDIS_REFUSES = (*REDIS_DOWN, OutOfMemoryError, ReadOnlyError)  # it may answer, but takes no job now

_RECONNECT_SECONDS = 0.05
_MAX_CONNECTIONS = 32  # of one gateway, which works on one request at a time; redis-py refuses the 101st by default
_LONGEST_LINE_SECONDS = 10.0


class EvictingRedisError(EaselError):
    """This Redis may throw jobs away to make room, so the service does not start on it."""


def async_redis(settings: Settings) -> redis.asyncio.Redis:
    """Make the gateway's client; nothing is contacted yet.

    A broken connection is tried once more, at once: every write of ours may be sent twice. A silent server
    is not: the caller has waited long enough. When all connections are busy, callers wait in line for one.
    """
    # RuntimeError is what uvloop raises where asyncio raises ConnectionError: when a reset connection is written to.
    retry = redis.asyncio.retry.Retry(ConstantBackoff(_RECONNECT_SECONDS), 1, (RedisConnectionError, RuntimeError))  # type: ignore[arg-type]
    line: dict[str, Any] = {"max_connections": _MAX_CONNECTIONS, "timeout": _LONGEST_LINE_SECONDS, "retry": retry}
    url, bounds = settings.redis_url, _bounds(settings)
    if url.startswith(redis_sentinels.SCHEMES):
        return redis.asyncio.Redis.from_pool(redis_sentinels.async_pool(url, bounds=bounds, **line))
    return redis.asyncio.Redis.from_pool(redis.asyncio.BlockingConnectionPool.from_url(url, **line, **bounds))


def sync_redis(settings: Settings) -> redis.Redis:
    """Make a worker's client; nothing is contacted yet. It never resends a command: a claim must not run twice."""
    url, bounds, retry = settings.redis_url, _bounds(settings), Retry(ConstantBackoff(0), 0)
    if url.startswith(redis_sentinels.SCHEMES):
        return redis_sentinels.sync_client(url, bounds=bounds, retry=retry)
    return redis.Redis.from_url(url, retry=retry, **bounds)


async def check_async(client: redis.asyncio.Redis) -> None:
    """Do as `check` does, for the gateway."""
    _refuse_eviction(await client.info("memory"))


def check(client: redis.Redis) -> None:
    """Refuse a server that evicts keys when its memory is full.

    Raises:
        EvictingRedisError: its maxmemory-policy is not noeviction.
        redis.exceptions.RedisError: it does not answer.
    """
    _refuse_eviction(client.info("memory"))


def _bounds(settings: Settings) -> dict[str, Any]:
    seconds = settings.redis_timeout_seconds
    return {"socket_timeout": seconds, "socket_connect_timeout": seconds}


def _refuse_eviction(memory: dict[str, Any]) -> None:
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise EvictingRedisError(f"Redis must run with maxmemory-policy noeviction, not {policy}: it would drop jobs")
