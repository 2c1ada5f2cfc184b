"""Keeps an eye on every job that somebody follows: one subscription and one look for all of them per gateway process.

Redis says which jobs have moved; one script then tells how they stand. All are looked at now and then in any case,
for positions in the line, and because a message may be lost and a plain RQ worker sends none.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeAlias

import redis.asyncio
import structlog

from app.errors import QueueUnavailable
from app.job_events import Glimpse
from app.redis_connections import REDIS_DOWN

log = structlog.get_logger()

ENDED = Glimpse("ended")
ENDED_CHANNEL = "easel:ended"
MOVED_CHANNEL = "easel:moved"
LOOK_AT_ALL_SECONDS = 1.0  # how fresh positions are
_PAUSE_SECONDS = 0.05  # between two looks, so that a busy fleet costs no more than twenty a second
_JOBS_PER_LOOK = 500  # Redis serves nobody else meanwhile: about 2 ms
_LONGEST_SILENCE_SECONDS = 5.0
_RECONNECT_SECONDS = 0.2

Look: TypeAlias = Callable[[Sequence[str], Sequence[str]], Awaitable[list[Glimpse | None]]]


class Sight:
    """One follower's view of one job."""

    def __init__(self, *, previews: bool) -> None:
        self.previews = previews
        self._glimpse: Glimpse | None = None
        self._over = False
        self._changed = asyncio.Event()

    async def change(self) -> Glimpse | None:
        """Wait until the job looks different; None when there is nothing more to see: it is gone, or we stop."""
        await self._changed.wait()
        self._changed.clear()
        return None if self._over else self._glimpse

    def show(self, glimpse: Glimpse | None) -> None:
        """Let the follower see a job, or that there is none; the answer to an older look changes no end."""
        if glimpse is None:
            self._over = True
        elif self._glimpse == ENDED:
            return
        if glimpse != self._glimpse or self._over:
            self._glimpse = glimpse
            self._changed.set()


class JobWatch:
    """All followers of this gateway; `look` asks how jobs stand, given them and those whose previews are wanted."""

    def __init__(self, client: redis.asyncio.Redis, look: Look) -> None:
        self._client = client
        self._look = look
        self._sights: dict[str, set[Sight]] = defaultdict(set)
        self._moved: set[str] = set()
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopped = False

    @contextlib.contextmanager
    def watch(self, job_id: str, *, previews: bool = False) -> Iterator[Sight]:
        """Give a sight of a job; read the job itself after entering, not before."""
        if not self._tasks or any(task.done() for task in self._tasks):
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._look_often())]
        sight = Sight(previews=previews)
        self._sights[job_id].add(sight)
        self._note([job_id])
        if self._stopped:
            sight.show(None)
        try:
            yield sight
        finally:
            self._sights[job_id].discard(sight)
            if not self._sights[job_id]:
                del self._sights[job_id]

    def stop(self) -> None:
        """Send everybody home, now and from now on: the gateway is about to end."""
        self._stopped = True
        for sight in self._all_sights():
            sight.show(None)

    async def close(self) -> None:
        """Stop listening."""
        for task in self._tasks:
            while not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=0.1)  # again: redis-py may swallow a cancellation

    def _all_sights(self) -> list[Sight]:
        return [sight for sights in self._sights.values() for sight in sights]

    def _note(self, job_ids: Sequence[str]) -> None:
        self._moved.update(job_id for job_id in job_ids if job_id in self._sights)
        if self._moved:
            self._news.set()

    async def _listen(self) -> None:
        while True:
            try:
                async with self._client.pubsub(ignore_subscribe_messages=False) as subscription:
                    await subscription.subscribe(ENDED_CHANNEL, MOVED_CHANNEL)
                    while True:
                        self._hear(await subscription.get_message(timeout=_LONGEST_SILENCE_SECONDS))
            except REDIS_DOWN as error:
                log.warning("job_news_lost", error=str(error))
                await asyncio.sleep(_RECONNECT_SECONDS)

    def _hear(self, message: dict[str, object] | None) -> None:
        """Note what has moved: the jobs that a message names, or, on a new subscription, all."""
        if message is None:
            return
        if message["type"] != "message" or not isinstance(data := message["data"], bytes):
            self._note(list(self._sights))
        elif message["channel"] == ENDED_CHANNEL.encode():
            for sight in self._sights.get(data.decode(), ()):
                sight.show(ENDED)  # who waits for a result is not kept waiting for a look
        else:
            self._note(data.decode().split(" "))

    async def _look_often(self) -> None:
        clock = asyncio.get_running_loop().time
        look_at_all_at = 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), LOOK_AT_ALL_SECONDS if self._sights else None)
            if clock() >= look_at_all_at:
                self._note(list(self._sights))
                look_at_all_at = clock() + LOOK_AT_ALL_SECONDS
            self._news.clear()
            moved, self._moved = list(self._moved), set()
            for start in range(0, len(moved), _JOBS_PER_LOOK):
                await self._look_at(moved[start : start + _JOBS_PER_LOOK])
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _look_at(self, job_ids: list[str]) -> None:
        """Show jobs to their followers; while Redis is away nobody sees anything, which the next look makes good."""
        wanted = [job_id for job_id in job_ids if any(sight.previews for sight in self._sights.get(job_id, ()))]
        with contextlib.suppress(QueueUnavailable):
            for job_id, glimpse in zip(job_ids, await self._look(job_ids, wanted), strict=True):
                for sight in self._sights.get(job_id, ()):
                    sight.show(glimpse)
