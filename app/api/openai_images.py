"""The OpenAI door: one request, finished images, for the unmodified `openai` client."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import math
from typing import Literal

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.api.answers import LinkSigner
from app.api.dependencies import Caller, Gateway, GatewayParts, Links, caller_of
from app.api.documentation import SUBMISSION_ERRORS, errors
from app.api.following import cancel_job, wait_for_job
from app.api.middleware import CLIENT_GONE
from app.api.schemas import ImageGeneration
from app.api.strict_json import SubmissionRoute
from app.api.submission import submit
from app.errors import JobCanceled, JobFailed, JobNotCancelable, JobTooSlow, StorageUnavailable
from app.messages import JobRecord, JobStatus, OutputFormat, StoredImage

RETRY_AFTER_SECONDS = 60
TOKEN_SIDE = 16  # pixels: an output token is a square of this side

router = APIRouter(tags=["openai"], route_class=SubmissionRoute)


class ImageData(BaseModel):
    """One image, as a link or as its bytes."""

    url: str | None = None
    b64_json: str | None = None
    seed: int


class InputTokens(BaseModel):
    """Where the input tokens are from."""

    text_tokens: int
    image_tokens: int = 0


class Usage(BaseModel):
    """A measure of work that is the same for every model: words in, squares of 16 by 16 pixels out."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: InputTokens


class Images(BaseModel):
    """OpenAI's answer; the seed of each image stands beside it."""

    created: int = Field(description="Unix seconds.")
    data: list[ImageData]
    background: Literal["opaque"] = "opaque"
    output_format: OutputFormat
    quality: Literal["standard"] = "standard"
    size: str = Field(examples=["128x128"])
    usage: Usage


@router.post(
    "/v1/images/generations",
    response_model=Images,
    response_model_exclude_none=True,
    responses=errors(*SUBMISSION_ERRORS, JobFailed, JobCanceled, JobTooSlow, StorageUnavailable),
)
async def generate_images(
    wanted: ImageGeneration, gateway: GatewayParts, caller: Caller, links: Links, request: Request
) -> Images | Response:
    """Draw images and answer when they are there; a client that goes away cancels its job."""
    _note_user(wanted)
    record = await submit(gateway, caller, wanted.submission(), renamed={"num_images": "n"})
    ended = await _until_ended(request, gateway, record)
    if ended is None:
        return Response(status_code=CLIENT_GONE)
    return await _images(ended, wanted.response_format or "url", gateway, links)


async def _until_ended(request: Request, gateway: Gateway, record: JobRecord) -> JobRecord | None:
    """Wait for the job's end; None when the client has gone. A job that nobody waits for any more is canceled.

    Raises:
        JobTooSlow: it takes longer than any client waits, or this gateway stops.
    """
    seconds = gateway.settings.images_wait_seconds
    ended = await wait_for_job(request, record.id, seconds)
    if ended is not None and ended.status.is_final:
        return ended
    with contextlib.suppress(JobNotCancelable):
        await cancel_job(gateway, caller_of(request), record.id)
    if ended is None:
        return None
    if gateway.stopping.is_set():
        raise JobTooSlow("this gateway is stopping; ask again", retry_after_seconds=1)
    detail = f"the images were not ready in {seconds:g} s; /v1/jobs lets you wait as long as you like"
    raise JobTooSlow(detail, retry_after_seconds=RETRY_AFTER_SECONDS)


async def _images(
    record: JobRecord, response_format: Literal["url", "b64_json"], gateway: Gateway, links: LinkSigner
) -> Images:
    """Show the images of a job that has ended.

    Raises:
        JobCanceled, JobFailed: it has none.
        StorageUnavailable: they cannot be read now.
    """
    stored = _stored_images(record)
    message = record.message
    return Images(
        created=int(record.created_at.timestamp()),
        data=await asyncio.gather(*(_image_data(image, response_format, gateway, links) for image in stored)),
        output_format=message.output_format,
        size=f"{message.request.width}x{message.request.height}",
        usage=_usage(record),
    )


def _stored_images(record: JobRecord) -> tuple[StoredImage, ...]:
    if record.status is JobStatus.CANCELED:
        raise JobCanceled(f"job {record.id} was canceled")
    if record.outcome is None:
        raise JobFailed("internal_error", f"job {record.id} ended without an outcome")
    if record.outcome.error:
        raise JobFailed(record.outcome.error.code, record.outcome.error.message)
    return record.outcome.images


async def _image_data(
    image: StoredImage, response_format: Literal["url", "b64_json"], gateway: Gateway, links: LinkSigner
) -> ImageData:
    if response_format == "url":
        return ImageData(url=links.sign(image.key), seed=image.seed)
    data = await asyncio.to_thread(gateway.store.get, image.key)
    return ImageData(b64_json=base64.b64encode(data).decode(), seed=image.seed)


def _usage(record: JobRecord) -> Usage:
    request = record.message.request
    words = len(f"{request.prompt} {request.negative_prompt or ''}".split())
    squares = math.ceil(request.width / TOKEN_SIDE) * math.ceil(request.height / TOKEN_SIDE) * request.num_images
    return Usage(
        input_tokens=words,
        output_tokens=squares,
        total_tokens=words + squares,
        input_tokens_details=InputTokens(text_tokens=words),
    )


def _note_user(wanted: ImageGeneration) -> None:
    """Let an operator find a user's requests in the log without keeping who it is."""
    if user := wanted.safety_identifier or wanted.user:
        structlog.contextvars.bind_contextvars(user_digest=hashlib.sha256(user.encode()).hexdigest()[:16])
