"""The OpenAI door's other answer: events with unfinished images, then the finished ones."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
from collections.abc import AsyncIterator
from typing import Any, Literal, TypeAlias

import numpy as np
from fastapi import Request, Response
from fastapi.sse import format_sse_event
from PIL import Image as PillowImage

from app.api.dependencies import caller_of, gateway_of
from app.api.event_streams import event_stream
from app.api.following import cancel_job
from app.api.openai_answers import image_base64, size_of, stored_images, usage_of
from app.api.problems import problem
from app.errors import EaselError, JobTooSlow
from app.job_events import Ended, JobEvent, Preview, Running
from app.messages import JobRecord
from app.provenance import encode_image, read_provenance

Kind: TypeAlias = Literal["image_generation", "image_edit"]


def image_stream(request: Request, record: JobRecord, kind: Kind, partial_images: int, *, may_return: bool) -> Response:
    """Answer with the events of a job; a client that goes away cancels it, unless it may return with its key."""

    async def cancel() -> None:
        with contextlib.suppress(EaselError):  # it has ended
            await cancel_job(gateway_of(request), caller_of(request), record.id)

    return event_stream(_frames(request, record, kind, partial_images), at_end=None if may_return else cancel)


async def _frames(request: Request, record: JobRecord, kind: Kind, partial_images: int) -> AsyncIterator[bytes]:
    """Yield the events; an error is the last of them."""
    try:
        async for name, data in _events(request, record, partial_images):
            yield _frame(f"{kind}.{name}", data)
    except EaselError as error:
        yield _error(error, request)


async def _events(
    request: Request, record: JobRecord, partial_images: int
) -> AsyncIterator[tuple[Literal["partial_image", "completed"], dict[str, Any]]]:
    """Yield name and data of each event.

    Raises:
        JobCanceled, JobFailed: there are no images.
        JobTooSlow: they took longer than any client waits, or this gateway stops.
    """
    facts = _facts(record)
    shown = [0] * record.message.request.num_images
    done = 0.0
    async for event in _follow(request, record, previews=partial_images > 0):
        match event:
            case Running():
                done = event.step / event.num_steps if event.num_steps else 0.0
            case Preview() if _is_due(shown[event.image], done, partial_images):
                picture = await asyncio.to_thread(_as_asked, event.picture, record)
                indices = {"partial_image_index": shown[event.image], "image_index": event.image}
                shown[event.image] += 1
                yield "partial_image", facts | indices | {"b64_json": picture}
            case Ended():
                usage = usage_of(event.record).model_dump()
                for index, image in enumerate(stored_images(event.record)):
                    beside = {"usage": usage, "seed": image.seed, "image_index": index}
                    yield "completed", facts | beside | {"b64_json": await image_base64(image, gateway_of(request))}


async def _follow(request: Request, record: JobRecord, *, previews: bool) -> AsyncIterator[JobEvent]:
    """Yield what becomes of a job, its end last.

    Raises:
        JobTooSlow: there is no end in time.
    """
    gateway, clock = gateway_of(request), asyncio.get_running_loop().time
    seconds = gateway.settings.images_wait_seconds
    deadline = clock() + seconds
    following = gateway.queue.follow(record.id, tenant=caller_of(request).name, previews=previews)
    async with contextlib.aclosing(following) as events:
        while True:
            try:
                event = await asyncio.wait_for(anext(events, None), deadline - clock())
            except TimeoutError as error:
                raise JobTooSlow(f"the images were not ready in {seconds:g} s") from error
            if event is None:
                raise JobTooSlow("this gateway is stopping; ask again")
            yield event
            if isinstance(event, Ended):
                return


def _is_due(shown: int, done: float, partial_images: int) -> bool:
    """Whether it is time for another unfinished image, so that they come at even distances."""
    return shown < partial_images and done >= (shown + 1) / (partial_images + 1)


def _facts(record: JobRecord) -> dict[str, Any]:
    return {
        "created_at": int(record.created_at.timestamp()),
        "size": size_of(record),
        "quality": "auto",
        "background": "opaque",
        "output_format": record.message.output_format,
    }


def _as_asked(preview: bytes, record: JobRecord) -> str:
    """Bring a preview to the size and format of the finished image, marked as that one is."""
    message, request = record.message, record.message.request
    mark = read_provenance(preview)
    with PillowImage.open(io.BytesIO(preview)) as picture:
        scaled = picture.convert("RGB").resize((request.width, request.height), PillowImage.Resampling.BICUBIC)
    encoded = encode_image(
        np.asarray(scaled),
        output_format=message.output_format,
        output_compression=message.output_compression,
        model=message.model,
        model_revision=mark.model_revision if mark else "",
        seed=request.seed,
    )
    return base64.b64encode(encoded).decode()


def _frame(kind: str, data: dict[str, Any]) -> bytes:
    return format_sse_event(event=kind, data_str=_json({"type": kind} | data))


def _error(error: EaselError, request: Request) -> bytes:
    body = problem(error, request.state.request_id).error.model_dump()
    return format_sse_event(event="error", data_str=_json({"type": "error", "error": body}))


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"))
