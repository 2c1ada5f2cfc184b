"""Server-sent events as an answer: kept alive while nothing happens, given up as soon as the client has gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

import anyio
import structlog
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT
from starlette.types import Receive, Scope, Send

from app.errors import EaselError

HEARTBEAT_SECONDS = 15.0  # shorter than the silence after which proxies close a connection
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the second is for nginx

log = structlog.get_logger()


def event_stream(
    frames: AsyncIterator[bytes], at_end: Callable[[], Awaitable[None]] | None = None
) -> StreamingResponse:
    """Answer with frames as they come; when this ends, for whatever reason, so does the iterator.

    `at_end` is called then, even if the client has gone before the first frame.
    """
    return _EventStream(_alive(frames), at_end)


class _EventStream(StreamingResponse):
    def __init__(self, frames: AsyncGenerator[bytes, None], at_end: Callable[[], Awaitable[None]] | None) -> None:
        super().__init__(frames, media_type="text/event-stream", headers=_HEADERS)
        self._frames = frames
        self._at_end = at_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._frames.aclose()
            if self._at_end:
                await self._at_end()


async def _alive(frames: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Pass frames on, with comments between them while there are none.

    The answer has begun, so an error can only end it: the client comes back and is told then.
    """
    coming = _next(frames)
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=HEARTBEAT_SECONDS)
            if not done:
                yield KEEPALIVE_COMMENT
                continue
            if (frame := coming.result()) is None:
                return
            yield frame
            coming = _next(frames)
    except EaselError as error:
        log.warning("event_stream_cut", code=error.code)
    finally:
        with anyio.CancelScope(shield=True):
            while not coming.done():
                coming.cancel()
                await asyncio.wait({coming}, timeout=0.1)  # again: asyncio.wait_for may swallow a cancellation


def _next(frames: AsyncIterator[bytes]) -> asyncio.Task[bytes | None]:
    async def take() -> bytes | None:
        return await anext(frames, None)

    return asyncio.create_task(take())
