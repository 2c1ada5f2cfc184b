"""From a valid body to an accepted job: the one way into the queue, whatever the door."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

import structlog
from fastapi import Header

from app.admission import admit, batch_key, check_budget, cost
from app.api.dependencies import Gateway
from app.api.estimating import telling_when_to_return
from app.api.schemas import JobSubmission
from app.errors import InvalidRequest, ModelNotAllowed, ModelNotFound
from app.input_admission import InputShape
from app.input_pictures import InputPicture
from app.inputs import Upload
from app.messages import JobMessage, JobRecord
from app.moderation import check_job
from app.new_jobs import JobTerms, WebhookTarget
from app.outbound import check_url
from app.tenants.tenant import Tenant
from app.tracing import current_traceparent
from models.catalog import UnknownModel
from models.interface import Capabilities

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern="^[!-~]+$",
        description="Your name for this request: for 24 hours the same key and body give the same job.",
    ),
]
SEED_BITS = 32  # of a drawn seed: few enough for every client's numbers, and to be typed


async def submit(
    gateway: Gateway,
    caller: Tenant,
    wanted: JobSubmission,
    *,
    upload: Upload | None = None,
    idempotency_key: str | None = None,
    base_url: str = "",
    renamed: Mapping[str, str] = MappingProxyType({}),
) -> JobRecord:
    """Check the caller's wish against its model and queue it.

    `base_url` is this service's address as the client knows it, for links in webhooks; `renamed` maps the field's names
    to those of a door that calls them otherwise, for errors.

    Raises:
        EaselError: refused; the error says why and names the field.
    """
    with _naming_fields(renamed):
        prepared = await prepare(gateway, caller, wanted, upload)
        await moderate(gateway, prepared.message)
        message = await with_input(gateway, prepared)
        message = message.model_copy(update={"traceparent": current_traceparent()})
        model, asked_at = message.model, dt.datetime.now(dt.UTC)
        async with telling_when_to_return(gateway.forecasts, model):
            record = await gateway.queue.submit(
                message,
                batch_key=batch_key(message, prepared.capabilities),
                cost=cost(message.request),
                priority=wanted.priority or "normal",
                terms=terms(wanted, gateway, base_url),
                idempotency_key=idempotency_key,
                fingerprint=fingerprint_of_wish(wanted, upload),
                max_open=caller.limits.max_open_jobs,
                caller=caller,
            )
    if record.created_at >= asked_at:  # otherwise the idempotency key has found an earlier job
        gateway.metrics.job_submitted(model)
    structlog.contextvars.bind_contextvars(job_id=record.id, model=model)
    return record


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job that its model can serve; its input picture is not stored yet."""

    message: JobMessage
    capabilities: Capabilities
    picture: InputPicture | None


async def prepare(gateway: Gateway, caller: Tenant, wanted: JobSubmission, upload: Upload | None) -> Prepared:
    """Check the caller's wish against its model, and make the job that it amounts to.

    Raises:
        EaselError: refused.
    """
    model = _resolve(gateway, caller, wanted.model)
    capabilities = await gateway.fleet.capabilities(model)
    picture = await gateway.inputs.read(upload) if upload else None
    message = admit(
        wanted,
        tenant=caller.name,
        model=model,
        capabilities=capabilities,
        drawn_seed=secrets.randbits(SEED_BITS),
        shape=_shape(picture) if picture else None,
    )
    check_budget(message.request, gateway.settings.max_pixel_steps)
    _check_size_of_job(caller, message.request.num_images)
    return Prepared(message, capabilities, picture)


async def moderate(gateway: Gateway, message: JobMessage) -> None:
    """Ask the moderators about a job, if there are any.

    Raises:
        ModerationBlocked, ModerationUnavailable: refused, or nobody can tell.
    """
    if gateway.moderators:
        await asyncio.to_thread(check_job, gateway.moderators, message)


def _resolve(gateway: Gateway, caller: Tenant, name: str | None) -> str:
    try:
        model = gateway.catalog.resolve(name).id
    except UnknownModel as error:
        raise ModelNotFound(str(error), param="model") from error
    if not caller.may_use(model):
        raise ModelNotAllowed(f"your API key is not for {model}", param="model")
    return model


def _check_size_of_job(caller: Tenant, num_images: int) -> None:
    """Refuse a job that would be too large for its key even after a minute of silence."""
    limit = caller.limits.images_per_minute
    if limit is not None and num_images > limit:
        raise InvalidRequest(f"your API key has {limit} images a minute, not {num_images}", param="num_images")


def terms(wanted: JobSubmission, gateway: Gateway, base_url: str) -> JobTerms:
    """Take what the client asks for beside the picture.

    Raises:
        InvalidRequest: longer than this service keeps anything.
        UnsupportedOption: a webhook, and this service has no secret to sign it with.
        UrlNotAllowed: a webhook to where this service does not go.
    """
    settings = gateway.settings
    longest = max(settings.job_retention_seconds, settings.max_retention_seconds)
    if wanted.retention_seconds is not None and wanted.retention_seconds > longest:
        raise InvalidRequest(f"retention_seconds must be at most {longest}", param="retention_seconds")
    return JobTerms(
        deadline_seconds=wanted.deadline_seconds,
        retention_seconds=wanted.retention_seconds,
        metadata=wanted.metadata or {},
        webhook=_webhook(wanted, gateway, base_url),
    )


def _webhook(wanted: JobSubmission, gateway: Gateway, base_url: str) -> WebhookTarget | None:
    if wanted.webhook is None:
        return None
    gateway.webhook_secrets.check()
    check_url(wanted.webhook.url, gateway.settings.outbound_private_networks or (), param="webhook")
    return WebhookTarget(wanted.webhook.url, base_url)


async def with_input(gateway: Gateway, prepared: Prepared) -> JobMessage:
    """Store the input picture, if there is one, and return the message that names it.

    Raises:
        StorageUnavailable: it is not stored.
    """
    message = prepared.message
    if prepared.picture is None:
        return message
    size = (message.request.width, message.request.height)
    return message.with_input(*await gateway.inputs.keep(prepared.picture, *size))


def _shape(picture: InputPicture) -> InputShape:
    return InputShape(*picture.size, masked=picture.mask is not None)


def fingerprint_of_wish(wanted: JobSubmission, upload: Upload | None) -> str:
    """Digest what the client itself has sent: a drawn seed is no part of it."""
    digest = hashlib.sha256(wanted.model_dump_json(exclude={"image", "mask"}).encode())
    for part in (upload.image, upload.mask or b"") if upload else ():
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


@contextlib.contextmanager
def _naming_fields(renamed: Mapping[str, str]) -> Iterator[None]:
    try:
        yield
    except InvalidRequest as error:
        error.param = renamed.get(error.param or "", error.param)
        raise
