"""Webhook events that could not be delivered, and another chance for them."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from fastapi import APIRouter, status
from pydantic import BaseModel, Field

from app.api.dependencies import Caller, GatewayParts
from app.api.documentation import errors
from app.errors import DeadLetterNotFound, QueueUnavailable

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])


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
