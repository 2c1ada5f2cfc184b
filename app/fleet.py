"""What the workers have announced, asked of Redis at most once a second, so that a submit costs one round trip."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

import redis.asyncio

from app.announcements import ModelState, model_states
from app.clocks import Skew, skew_of_redis
from app.errors import ModelNotReady, QueueUnavailable
from app.redis_connections import REDIS_DOWN
from models.interface import Capabilities

REMEMBERED_SECONDS = 1.0
RETRY_AFTER_OUTAGE_SECONDS = 5
RETRY_AFTER_START_SECONDS = 10  # a worker loads its models before it announces them


class Fleet:
    """All models that were ever announced, and their live workers."""

    def __init__(self, client: redis.asyncio.Redis, *, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._states: Mapping[str, ModelState] = {}
        self._fresh_until = 0.0
        self._asking: asyncio.Task[Mapping[str, ModelState]] | None = None

    async def states(self) -> Mapping[str, ModelState]:
        """Return the state of each model, at most a second old.

        Raises:
            QueueUnavailable: Redis does not answer.
        """
        if time.monotonic() < self._fresh_until:
            return self._states
        if self._asking is None:  # one question for all who wait, or a silent Redis would be waited for in turn
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def capabilities(self, model: str) -> Capabilities:
        """Return what a model can do; its workers may be away, its jobs queue meanwhile.

        Raises:
            ModelNotReady: no worker has announced it yet.
            QueueUnavailable: Redis does not answer.
        """
        state = (await self.states()).get(model)
        if state is None:
            detail = f"no worker has announced {model} yet; try again in some seconds"
            raise ModelNotReady(detail, param="model", retry_after_seconds=RETRY_AFTER_START_SECONDS)
        return state.capabilities

    async def clock_skew(self) -> Skew:
        """Compare Redis' clock with this machine's.

        Raises:
            QueueUnavailable: Redis does not answer.
        """
        try:
            return skew_of_redis(await self._client.time(), self._clock())
        except REDIS_DOWN as error:
            raise _unavailable() from error

    async def _ask(self) -> Mapping[str, ModelState]:
        try:
            self._states = await model_states(self._client)
            self._fresh_until = time.monotonic() + REMEMBERED_SECONDS
        except REDIS_DOWN as error:
            raise _unavailable() from error
        finally:
            self._asking = None
        return self._states


def _unavailable() -> QueueUnavailable:
    detail = "the queue does not answer; try again in some seconds"
    return QueueUnavailable(detail, retry_after_seconds=RETRY_AFTER_OUTAGE_SECONDS)
