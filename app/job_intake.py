"""Takes jobs into the queue: all of a request or none, and once however often it is sent."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import EaselError, IdempotencyKeyReused, JobGone, QueueFull, RateLimited
from app.job_records import read_record
from app.messages import JobRecord
from app.new_jobs import NewJob, idempotency_name
from app.queue_calls import QueueCalls
from app.settings import Settings
from app.tenants.allowance import budget_spent, charges, note_standing, rate_used_up
from app.tenants.tenant import Tenant

LONGEST_RETRY_AFTER_SECONDS = 120
IDEMPOTENCY_KEY_SECONDS = 86_400  # as long as clients of the big payment services are used to


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """How to recognise a request that is sent again: the client's key for it, and a digest of its body."""

    idempotency_key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What a request came to: jobs just queued, the first of which is shown, or what the same request made before."""

    id: str
    first: JobRecord | None = None


class JobIntake:
    """Puts jobs into their queues."""

    def __init__(self, calls: QueueCalls, settings: Settings) -> None:
        self._calls = calls
        self._settings = settings

    async def take(
        self,
        jobs: Sequence[NewJob],
        *,
        tenant: str,
        repeat: Repeat | None = None,
        max_open: int | None = None,
        caller: Tenant | None = None,
    ) -> Taken:
        """Queue a tenant's jobs, or find what the same request made before.

        Jobs of one request carry the same `batch`, by which they are found again; a job alone carries none.
        The caller's key is charged, if there is one, and the caller is told how its rates stand.

        Raises:
            RateLimited: the tenant would have more than `max_open` jobs waiting or running.
            RateUsedUp, BudgetSpent: the caller's key does not allow so much.
            QueueFull: more jobs would wait for a model than are allowed.
            IdempotencyKeyReused: the key came with another body before.
            JobGone: what the key stands for is no longer kept.
            QueueUnavailable: Redis does not answer; the jobs may or may not be queued.
        """
        ask = self._ask(jobs, tenant, repeat, max_open, caller)
        hashes = [self._fields(job) for job in jobs]
        answer = await self._calls.run("submit", json.dumps(ask), *(part for one in hashes for part in _counted(one)))
        match answer:
            case [b"accepted", ahead, queued_at, standing]:
                note_standing(caller, standing)
                return Taken(jobs[0].batch or jobs[0].id, _record(jobs[0], hashes[0], ahead, float(queued_at)))
            case [b"known", known]:
                return Taken(known.decode())
        raise _refusal(answer, caller)

    def _ask(
        self,
        jobs: Sequence[NewJob],
        tenant: str,
        repeat: Repeat | None,
        max_open: int | None,
        caller: Tenant | None,
    ) -> dict[str, Any]:
        """Put the question as the script reads it; what is absent is not checked."""
        ask: dict[str, Any] = {
            "tenant": tenant,
            "jobs": [job.ask() for job in jobs],
            "max_waiting": self._settings.max_queue_length,
        } | (charges(caller, jobs, dt.datetime.now(dt.UTC)) if caller else {"rates": []})
        if (bound := self._settings.max_open_jobs if max_open is None else max_open) is not None:
            ask["max_open"] = bound
        if jobs[0].batch:
            ask["batch"] = jobs[0].batch
        if repeat is not None:
            ask["idempotency"] = idempotency_name(tenant, repeat.idempotency_key)
            ask["fingerprint"] = repeat.fingerprint
            ask["key_seconds"] = IDEMPOTENCY_KEY_SECONDS
        return ask

    def _fields(self, job: NewJob) -> dict[str, Any]:
        settings = self._settings
        return job.fields(timeout=settings.job_timeout_seconds, default_retention=settings.job_retention_seconds)


def _counted(fields: dict[str, Any]) -> list[Any]:
    flat = [part for pair in fields.items() for part in pair]
    return [len(flat), *flat]


def _record(job: NewJob, fields: dict[str, Any], ahead: int, queued_at: float) -> JobRecord:
    """Show a job that has just been queued, as Redis would show it now."""
    seconds = job.terms.deadline_seconds
    deadline = {} if seconds is None else {"deadline_at": f"{queued_at + seconds:.6f}"}
    stored = {name.encode(): _as_bytes(value) for name, value in (fields | deadline).items()}
    return read_record(job.id, stored, position=ahead)


def _as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _refusal(answer: Sequence[Any], caller: Tenant | None) -> EaselError:
    match answer:
        case [b"gone", known]:
            return JobGone(f"{known.decode()}, which this idempotency key made, is no longer kept")
        case [b"too fast", rate, wait_seconds, standing] if caller:
            note_standing(caller, standing)
            return rate_used_up(caller, rate.decode(), float(wait_seconds))
        case [b"spent", spent, cost] if caller:
            return budget_spent(caller, float(spent), float(cost), dt.datetime.now(dt.UTC))
        case [b"reused"]:
            return IdempotencyKeyReused("this idempotency key came with another body", param="idempotency_key")
        case [b"limited", open_jobs, oldest_age]:
            detail = f"{open_jobs} of your jobs are open; more are not allowed at once"
            return RateLimited(detail, retry_after_seconds=_until_one_ends(open_jobs, float(oldest_age)))
        case [b"full", oldest_age]:
            return QueueFull("too many jobs are waiting", retry_after_seconds=_retry_after(float(oldest_age)))
    raise AssertionError(answer)


def _retry_after(oldest_age_seconds: float) -> int:
    """Guess when a tenth of a full queue will be gone: its oldest job's age is what the whole of it takes."""
    return max(1, min(LONGEST_RETRY_AFTER_SECONDS, round(oldest_age_seconds / 10)))


def _until_one_ends(open_jobs: int, oldest_age_seconds: float) -> int:
    """Guess by Little's law: of n jobs that stay for a time t each, one ends every t/n; the oldest tells of t."""
    return max(1, min(LONGEST_RETRY_AFTER_SECONDS, round(oldest_age_seconds / max(1, open_jobs))))
