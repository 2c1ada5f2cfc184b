"""The OpenAI door: one request, finished images, for the unmodified `openai` client."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response

from app.api.answers import LinkSigner
from app.api.dependencies import Gateway, GatewayParts, Links, caller_of
from app.api.documentation import SUBMISSION_ERRORS, Responses, errors
from app.api.following import cancel_job, wait_for_job
from app.api.middleware import CLIENT_GONE
from app.api.openai_answers import Images, images_answer
from app.api.openai_streams import Kind, image_stream
from app.api.openapi import event_content, picture_body
from app.api.picture_bodies import read_edit, read_variation
from app.api.refusals import note_accepted
from app.api.schemas import ImageEdit, ImageEditBody, ImageGeneration, ImageVariation
from app.api.strict_json import SubmissionRoute
from app.api.submission import IdempotencyKey, submit
from app.errors import (
    FileNotFound,
    IdempotencyKeyReused,
    InvalidImage,
    InvalidRequest,
    JobCanceled,
    JobFailed,
    JobGone,
    JobNotCancelable,
    JobTooSlow,
    StorageUnavailable,
    UrlNotAllowed,
    UrlUnreachable,
)
from app.inputs import Upload
from app.messages import JobRecord

RETRY_AFTER_SECONDS = 60
_RENAMED = {"num_images": "n"}

router = APIRouter(tags=["openai"], route_class=SubmissionRoute)

_ENDINGS = (
    *(*SUBMISSION_ERRORS, IdempotencyKeyReused, JobGone, JobFailed, JobCanceled, JobTooSlow, StorageUnavailable),
)
_ANSWER: dict[str, Any] = {"response_model": Images, "response_model_exclude_none": True}
_STREAMED: Responses = {200: {"description": "The images, or a stream of them.", "content": event_content()}}


@router.post("/v1/images/generations", responses=_STREAMED | errors(*_ENDINGS), **_ANSWER)
async def generate_images(
    wanted: ImageGeneration,
    gateway: GatewayParts,
    links: Links,
    request: Request,
    idempotency_key: IdempotencyKey = None,
) -> Images | Response:
    """Draw images and answer when they are there. A client that goes away cancels its job, unless it sent a key."""
    return await _draw(wanted, None, idempotency_key, gateway, links, request)


@router.post(
    "/v1/images/edits",
    responses=_STREAMED | errors(*_ENDINGS, InvalidImage, FileNotFound, UrlNotAllowed, UrlUnreachable),
    openapi_extra=picture_body(ImageEdit, "image", "mask", body=ImageEditBody),
    **_ANSWER,
)
async def edit_images(
    gateway: GatewayParts, links: Links, request: Request, idempotency_key: IdempotencyKey = None
) -> Images | Response:
    """Draw an image anew after a prompt, or the part of it that a mask leaves transparent."""
    wanted, upload = await read_edit(request, gateway, caller_of(request))
    return await _draw(wanted, upload, idempotency_key, gateway, links, request)


@router.post(
    "/v1/images/variations",
    responses=errors(*_ENDINGS, InvalidImage),
    openapi_extra=picture_body(ImageVariation, "image"),
    **_ANSWER,
)
async def vary_image(
    gateway: GatewayParts, links: Links, request: Request, idempotency_key: IdempotencyKey = None
) -> Images | Response:
    """Draw an image anew without a prompt."""
    wanted, upload = await read_variation(request, gateway)
    return await _draw(wanted, upload, idempotency_key, gateway, links, request)


async def _draw(
    wanted: ImageGeneration,
    upload: Upload | None,
    idempotency_key: str | None,
    gateway: Gateway,
    links: LinkSigner,
    request: Request,
) -> Images | Response:
    _note_user(wanted)
    _check_stream(wanted)
    record = await submit(
        gateway,
        caller_of(request),
        wanted.submission(),
        upload=upload,
        idempotency_key=idempotency_key,
        renamed=_RENAMED,
    )
    note_accepted(request.scope)
    if wanted.stream:
        kind: Kind = "image_edit" if upload else "image_generation"
        return image_stream(request, record, kind, wanted.partial_images or 0, may_return=idempotency_key is not None)
    ended = await _until_ended(request, gateway, record, may_return=idempotency_key is not None)
    if ended is None:
        return Response(status_code=CLIENT_GONE)
    return await images_answer(ended, wanted.response_format or "url", gateway, links)


async def _until_ended(request: Request, gateway: Gateway, record: JobRecord, *, may_return: bool) -> JobRecord | None:
    """Wait for the job's end; None when the client has gone.

    A job that nobody waits for any more is canceled, unless the client may return for it with its idempotency key.

    Raises:
        JobTooSlow: it takes longer than any client waits, or this gateway stops.
    """
    seconds = gateway.settings.images_wait_seconds
    ended = await wait_for_job(request, record.id, seconds)
    if ended is not None and ended.status.is_final:
        return ended
    if not may_return:
        with contextlib.suppress(JobNotCancelable):
            await cancel_job(gateway, caller_of(request), record.id)
    if ended is None:
        return None
    if gateway.stopping.is_set():
        raise JobTooSlow("this gateway is stopping; ask again", retry_after_seconds=1)
    detail = f"the images were not ready in {seconds:g} s; /v1/jobs lets you wait as long as you like"
    raise JobTooSlow(detail, retry_after_seconds=RETRY_AFTER_SECONDS)


def _check_stream(wanted: ImageGeneration) -> None:
    """Refuse what a stream, or its absence, would leave unheard.

    Raises:
        InvalidRequest: the two fields contradict each other.
    """
    if wanted.partial_images and not wanted.stream:
        raise InvalidRequest("partial_images needs stream", param="partial_images")
    if wanted.stream and wanted.response_format == "url":
        raise InvalidRequest("a stream carries images as b64_json", param="response_format")


def _note_user(wanted: ImageGeneration) -> None:
    """Let an operator find a user's requests in the log without keeping who it is."""
    if user := wanted.safety_identifier or wanted.user:
        structlog.contextvars.bind_contextvars(user_digest=hashlib.sha256(user.encode()).hexdigest()[:16])
