"""What a tenant's webhooks are signed with, and its events that could not be delivered."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Response, status
from pydantic import BaseModel, Field

from app.api.dependencies import Caller, GatewayParts
from app.api.documentation import Responses, errors
from app.api.openapi import operation_id
from app.errors import DeadLetterNotFound, InvalidRequest, OperatorsOnly, QueueUnavailable, UnsupportedOption
from app.webhooks.notice import JobEnded
from app.webhooks.secrets import Rotation

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
events = APIRouter(generate_unique_id_function=operation_id)  # what this service sends: only described here


class DeadLetter(BaseModel):
    """An event that was given up."""

    id: str = Field(description="The header webhook-id of every attempt.")
    object: Literal["dead_letter"] = "dead_letter"
    job_id: str
    url: str
    created_at: dt.datetime
    attempts: int
    reason: str = Field(description="What the last attempt came to.")


class DeadLetterList(BaseModel):
    """The latest of your dead letters."""

    object: Literal["list"] = "list"
    data: list[DeadLetter]


class WebhookSecret(BaseModel):
    """What your receivers check signatures with."""

    object: Literal["webhook_secret"] = "webhook_secret"
    secret: str = Field(description="In the form of Standard Webhooks.")
    previous_until: dt.datetime | None = Field(description="Until then events are signed with the one before it, too.")


_SECRET_ERRORS = errors(InvalidRequest, UnsupportedOption, OperatorsOnly, QueueUnavailable)


_YOUR_ANSWERS: Responses = {
    410: {"description": "Send no more to this address for a day."},
    "default": {"description": "Anything else: the event comes again."},
}


@events.post("job-ended", status_code=status.HTTP_204_NO_CONTENT, responses=_YOUR_ANSWERS)
async def job_ended(
    event: JobEnded,
    _id: Annotated[str, Header(alias="webhook-id")],
    _timestamp: Annotated[str, Header(alias="webhook-timestamp", description="Unix seconds.")],
    _signature: Annotated[str, Header(alias="webhook-signature", description="As Standard Webhooks says.")],
) -> None:
    """Tell your server that a job has ended, and whether it succeeded; any answer of 2xx will do."""


@router.get("/secret", responses=_SECRET_ERRORS)
async def read_secret(gateway: GatewayParts, caller: Caller, response: Response) -> WebhookSecret:
    """Read your secret: what your receivers check the signatures of your webhooks with."""
    return _shown(await gateway.webhook_secrets.read(caller.name), response)


@router.post("/secret/rotate", responses=_SECRET_ERRORS)
async def rotate_secret(gateway: GatewayParts, caller: Caller, response: Response) -> WebhookSecret:
    """Change your secret. For a day events carry two signatures, so receivers with the one before it miss none."""
    return _shown(await gateway.webhook_secrets.rotate(caller.name, dt.datetime.now(dt.UTC)), response)


@router.get("/dead-letters", responses=errors(QueueUnavailable))
async def list_dead_letters(gateway: GatewayParts, caller: Caller) -> DeadLetterList:
    """List your events that were given up in the last seven days: the latest hundred, the latest first."""
    events = await gateway.outbox.dead_letters(caller.name)
    names = [name for name in DeadLetter.model_fields if name != "object"]
    return DeadLetterList(data=[DeadLetter(**{name: getattr(event, name) for name in names}) for event in events])


@router.post(
    "/dead-letters/{event_id}/redeliver",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=errors(DeadLetterNotFound, QueueUnavailable),
)
async def redeliver(event_id: str, gateway: GatewayParts, caller: Caller) -> None:
    """Start again with an event that was given up, its endpoint being mended."""
    await gateway.outbox.redeliver(event_id, caller.name)


def _shown(found: tuple[str, Rotation], response: Response) -> WebhookSecret:
    secret, rotation = found
    response.headers["Cache-Control"] = "no-store"
    return WebhookSecret(secret=secret, previous_until=rotation.previous_until(dt.datetime.now(dt.UTC)))
