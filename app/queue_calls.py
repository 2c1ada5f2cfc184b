"""Runs the scripts of the queue for the gateway, and says in our own words that Redis does not answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import redis.asyncio
from redis.commands.core import AsyncScript
from rq.defaults import RQ_KEY_PREFIX

from app.errors import QueueUnavailable
from app.queue_scripts import ScriptName, script
from app.redis_connections import REDIS_REFUSES

_RETRY_AFTER_OUTAGE_SECONDS = 5
_CALLS_AT_ONCE = 24  # fewer than there are connections: a semaphore serves in turn, redis-py's pool whoever is quick


class QueueCalls:
    """Each call is one script, so one round trip and all or nothing."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._scripts: dict[ScriptName, AsyncScript] = {}
        self._turns = asyncio.Semaphore(_CALLS_AT_ONCE)

    async def run(self, name: ScriptName, *args: Any) -> Any:
        """Run a script and return its answer.

        Raises:
            QueueUnavailable: Redis does not answer; it may have happened or not.
        """
        if name not in self._scripts:
            self._scripts[name] = self._client.register_script(script(name))
        with naming_outages():
            async with self._turns:
                return await self._scripts[name](args=[RQ_KEY_PREFIX, *args])


@contextlib.contextmanager
def naming_outages() -> Iterator[None]:
    """Let what Redis does not answer be `QueueUnavailable`."""
    try:
        yield
    except REDIS_REFUSES as error:
        detail = "the queue does not answer; try again in some seconds"
        raise QueueUnavailable(detail, retry_after_seconds=_RETRY_AFTER_OUTAGE_SECONDS) from error
