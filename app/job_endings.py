"""Lets any number of requests wait for jobs to end, over one subscription per gateway process."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator

import redis.asyncio
import structlog

from app.redis_connections import REDIS_DOWN

log = structlog.get_logger()

ENDED_CHANNEL = "easel:ended"
_LONGEST_SILENCE_SECONDS = 5.0
_RECONNECT_SECONDS = 0.2


class JobEndings:
    """Wakes those who wait for a job when Redis says that it has ended, or that word of it may have been missed."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._listener: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def watch(self, job_id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set when the job may have ended; look at the job after entering, not before."""
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen())
        event = asyncio.Event()
        self._waiting[job_id].add(event)
        try:
            yield event
        finally:
            self._waiting[job_id].discard(event)
            if not self._waiting[job_id]:
                del self._waiting[job_id]

    async def close(self) -> None:
        """Stop listening."""
        while self._listener and not self._listener.done():
            self._listener.cancel()
            await asyncio.wait([self._listener], timeout=0.1)  # again: redis-py may swallow a cancellation

    async def _listen(self) -> None:
        while True:
            try:
                async with self._client.pubsub(ignore_subscribe_messages=False) as subscription:
                    await subscription.subscribe(ENDED_CHANNEL)
                    while True:
                        message = await subscription.get_message(timeout=_LONGEST_SILENCE_SECONDS)
                        self._wake(message)
            except REDIS_DOWN as error:
                log.warning("job_endings_lost", error=str(error))
                await asyncio.sleep(_RECONNECT_SECONDS)

    def _wake(self, message: dict[str, object] | None) -> None:
        """Wake whom it concerns: for a job's end its waiters, for a new subscription everybody."""
        if message is None:
            return
        if message["type"] == "message" and isinstance(data := message["data"], bytes):
            events = self._waiting.get(data.decode(), set())
        else:
            events = {event for group in self._waiting.values() for event in group}
        for event in events:
            event.set()
