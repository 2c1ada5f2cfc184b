"""The events that wait to be delivered, in Redis: written with the job's end, leased for one attempt, then settled."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.errors import DeadLetterNotFound
from app.queue_calls import QueueCalls
from app.webhooks.schedule import Verdict

LEASE_SECONDS = 60  # longer than any attempt takes; whoever dies in one has it repeated after this
DEAD_LETTERS_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A job's end that a client's server is to hear of; `id` is the same in every attempt."""

    id: str
    job_id: str
    tenant: str
    url: str
    base_url: str  # of the links in it
    created_at: dt.datetime
    attempts: int = 0
    reason: str = ""  # of the last failure
    token: str = ""  # of the lease


class Outbox:
    """All events of the service.

    Raises (each method):
        QueueUnavailable: Redis does not answer.
    """

    def __init__(self, calls: QueueCalls) -> None:
        self._calls = calls

    async def take(self, limit: int) -> list[Event]:
        """Lease events whose time has come; nobody else gets them while the lease runs."""
        token = secrets.token_hex(8)
        taken = await self._calls.run("webhooks_take", LEASE_SECONDS, token, limit)
        return [_event(event_id, fields) for event_id, fields in taken]

    async def settle(self, event: Event, verdict: Verdict, pause_seconds: float | None) -> bool:
        """Record what an attempt came to; False if the lease had run out and another attempt counts.

        An event that failed comes again after the pause; without one it is put with the dead letters.
        """
        ask = {
            "event": event.id,
            "token": event.token,
            "delivered": verdict.outcome == "delivered",
            "reason": verdict.reason,
            "endpoint_is_gone": verdict.endpoint_is_gone,
        }
        if pause_seconds is not None:
            ask["pause"] = pause_seconds
        return bool(await self._calls.run("webhooks_settle", json.dumps(ask)))

    async def dead_letters(self, tenant: str) -> list[Event]:
        """List a tenant's events that were given up, the latest first."""
        found = await self._calls.run("webhooks_dead", tenant, DEAD_LETTERS_SHOWN)
        return [_event(event_id, fields) for event_id, fields in found]

    async def redeliver(self, event_id: str, tenant: str) -> None:
        """Start again with an event that was given up, and trust its endpoint again.

        Raises:
            DeadLetterNotFound: the tenant has none of this id.
        """
        if not await self._calls.run("webhooks_redeliver", event_id, tenant):
            raise DeadLetterNotFound(f"there is no dead letter {event_id!r}")


def _event(event_id: bytes, flat: Sequence[bytes]) -> Event:
    fields: Mapping[str, str] = {
        name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2], strict=True)
    }
    target = json.loads(fields["webhook"])
    return Event(
        id=event_id.decode(),
        job_id=fields["job"],
        tenant=fields["tenant"],
        url=target["url"],
        base_url=target["base_url"],
        created_at=dt.datetime.fromtimestamp(float(fields["created_at"]), dt.UTC),
        attempts=int(fields["attempts"]),
        reason=fields.get("reason", ""),
        token=fields.get("token", ""),
    )
