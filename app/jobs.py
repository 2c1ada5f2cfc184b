"""The gateway's side of the queue: submit, read, list, cancel and await jobs.

Each call is one script in Redis, so one round trip and all or nothing. With `workers/` this is all that knows RQ.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from app import job_records
from app.errors import BatchNotFound, Conflict, JobNotCancelable, JobNotFailed, JobNotFound
from app.estimates import Line
from app.job_events import Ended, Glimpse, JobEvent, Told, event_of, glimpse_of, previews_of
from app.job_intake import JobIntake, Repeat, Taken
from app.job_watch import JobWatch
from app.messages import JobError, JobMessage, JobRecord, JobStatus, Outcome, Priority
from app.new_jobs import JobTerms, NewJob, fingerprint_of
from app.queue_calls import QueueCalls
from app.settings import Settings
from app.tenants.tenant import Tenant

_OVERDUE_AT_ONCE = 200
_IMAGES_AT_ONCE = 100
_LATE_UPLOAD_SECONDS = 600  # longer than a worker tries to store an image
_ENTRIES_SCANNED_AT_ONCE = 1000  # while Redis does nothing else
_SCANS_PER_PAGE = 10
_JOBS_SEEN_PER_LINE = 200  # those behind them count as their mean
_OVERDUE = Outcome(error=JobError(code="deadline_exceeded", message="drawing did not start before the deadline"))
_PREVIEWS_WANTED_SECONDS = 10  # after the last look of who wants them


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs, the newest first, and the cursor of the page after them, if there is one."""

    jobs: tuple[JobRecord, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class JobBatch:
    """Jobs that were sent together, in their order: those that are still kept."""

    id: str
    created_at: dt.datetime
    jobs: tuple[JobRecord, ...]


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for one model."""

    queued_jobs: int
    oldest_age_seconds: float


class JobQueue:
    """All jobs of the service, as the gateway sees them.

    A `tenant` given to a call hides the jobs of all others. Every call raises `QueueUnavailable` within
    `settings.redis_timeout_seconds` and a little when Redis does not answer.
    """

    def __init__(self, client: redis.asyncio.Redis, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._watch = JobWatch(client, self._look)
        self._calls = QueueCalls(client)
        self._run = self._calls.run
        self._intake = JobIntake(self._calls, settings)

    async def close(self) -> None:
        """Stop listening; the client stays open, it belongs to the caller."""
        await self._watch.close()

    def stop_following(self) -> None:
        """Let all who follow or await a job go, now and from now on: the gateway is about to end."""
        self._watch.stop()

    async def submit(
        self,
        message: JobMessage,
        *,
        batch_key: str,
        cost: float,
        idempotency_key: str | None = None,
        fingerprint: str | None = None,
        priority: Priority = "normal",
        max_open: int | None = None,
        terms: JobTerms | None = None,
        caller: Tenant | None = None,
    ) -> JobRecord:
        """Queue a job, or find the one that the idempotency key already made.

        Args:
            message: What to draw, for whom.
            batch_key: Jobs of one model that share it may be drawn together.
            cost: Its weight when tenants share the workers, such as pixels times images times steps.
            idempotency_key: The client's own; the same key and body give the same job while it is kept.
            fingerprint: What must agree for a key to be used again; by default the message without its seed.
            priority: Jobs of a higher priority go first.
            max_open: How many jobs of this tenant may wait or run at once; by default the service's own setting.
            terms: What else the client asks for.
            caller: Whose key's rates and budget the job is charged to; is told how the rates stand.

        Raises:
            RateLimited, BudgetSpent, QueueFull, IdempotencyKeyReused, JobGone, QueueUnavailable: as `JobIntake.take`.
        """
        job = NewJob(
            id=job_records.new_job_id(time.time()),
            message=message,
            batch_key=batch_key,
            cost=cost,
            priority=priority,
            terms=terms or JobTerms(),
        )
        repeat = (
            Repeat(idempotency_key=idempotency_key, fingerprint=fingerprint or fingerprint_of(message))
            if idempotency_key
            else None
        )
        taken = await self._intake.take([job], tenant=message.tenant, repeat=repeat, max_open=max_open, caller=caller)
        return taken.first or await self.get(taken.id)

    async def submit_batch(self, jobs: Sequence[NewJob], *, caller: Tenant, repeat: Repeat | None = None) -> Taken:
        """Queue all jobs of a batch or none, or find the batch that the idempotency key already made.

        Raises:
            RateLimited, BudgetSpent, QueueFull, IdempotencyKeyReused, JobGone, QueueUnavailable: as `JobIntake.take`.
        """
        bound = caller.limits.max_open_jobs
        return await self._intake.take(jobs, tenant=caller.name, repeat=repeat, max_open=bound, caller=caller)

    async def batch(self, batch_id: str, *, tenant: str) -> JobBatch:
        """Read a batch of the tenant's; its jobs' queue positions are left out.

        Raises:
            BatchNotFound: there is none, it has expired, or it is another tenant's.
            QueueUnavailable: Redis does not answer.
        """
        match await self._run("batch", batch_id):
            case [owner, created_at, *found] if owner == tenant.encode():
                jobs = tuple(_record(job_id.decode(), fields, tenant) for job_id, fields in found)
                return JobBatch(batch_id, dt.datetime.fromtimestamp(float(created_at), dt.UTC), jobs)
        raise BatchNotFound(f"there is no batch {batch_id!r}, or it is no longer kept")

    async def get(self, job_id: str, *, tenant: str | None = None) -> JobRecord:
        """Read a job.

        Raises:
            JobNotFound: there is none, it has expired, or it is another tenant's.
            QueueUnavailable: Redis does not answer.
        """
        fields, ahead = await self._run("read", job_id)
        return _record(job_id, fields, tenant, position=ahead)

    async def page(
        self,
        cursor: str | None = None,
        limit: int = 20,
        status: JobStatus | None = None,
        tenant: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> JobPage:
        """List jobs, the newest first; `cursor` is the previous page's. Queue positions are left out.

        Filters look at a bounded number of jobs rather than keep an index: most lists are short, an index of
        sixteen pairs would cost as much memory as the job itself, and the cursor goes on where a look has ended.

        A page may hold fewer jobs than `limit` although more follow: `next_cursor` alone tells.

        Raises:
            QueueUnavailable: Redis does not answer.
        """
        index = f"easel:jobs:{tenant}" if tenant is not None else "easel:jobs"
        ask: dict[str, Any] = {"index": index, "scan": _ENTRIES_SCANNED_AT_ONCE}
        if status:
            ask["statuses"] = job_records.rq_statuses(status)
        if metadata:
            ask["metadata"] = dict(metadata)
        jobs: list[JobRecord] = []
        for _ in range(_SCANS_PER_PAGE):
            ask |= {"after": cursor or "", "limit": limit - len(jobs)}
            next_cursor, *found = await self._run("page", json.dumps(ask))
            jobs += [_record(job_id.decode(), fields, tenant) for job_id, fields in found]
            cursor = next_cursor.decode() or None
            if cursor is None or len(jobs) == limit:
                break
        return JobPage(tuple(jobs), cursor)

    async def cancel(self, job_id: str, *, tenant: str | None = None) -> JobRecord:
        """End a job that is queued or running; one that is canceled already stays so.

        Raises:
            JobNotFound, JobNotCancelable, QueueUnavailable: as `end`.
        """
        await self.end(job_id, tenant=tenant)
        return await self.get(job_id, tenant=tenant)

    async def end(self, job_id: str, *, tenant: str | None = None) -> bool:
        """Cancel a job and tell whether this very call ended it: of several at once, one does.

        Raises:
            JobNotFound: as `get`.
            JobNotCancelable: it has succeeded or failed.
            QueueUnavailable: Redis does not answer.
        """
        if tenant is not None:
            await self.get(job_id, tenant=tenant)
        keep = self._settings.job_retention_seconds
        was = (await self._run("cancel", job_id, job_records.timestamp(), keep)).decode()
        if not was:
            raise _not_found(job_id)
        if was in {"finished", "failed"}:
            raise JobNotCancelable(f"job {job_id} has already ended")
        return was in {"queued", "started"}

    async def delete(self, job_id: str) -> None:
        """Forget a job that has ended, at once; its images are the caller's to remove.

        Raises:
            JobNotFound: as `get`.
            Conflict: it has not ended, or was queued again just now.
            QueueUnavailable: Redis does not answer.
        """
        was = (await self._run("delete", job_id, _LATE_UPLOAD_SECONDS)).decode()
        if not was:
            raise _not_found(job_id)
        if was in {"queued", "started"}:
            raise Conflict(f"job {job_id} has not ended")

    async def requeue(self, job_id: str) -> JobRecord:
        """Queue a failed job again, as if for the first time; what an operator does after a repair.

        Raises:
            JobNotFound: as `get`.
            JobNotFailed: it has not failed.
            QueueUnavailable: Redis does not answer.
        """
        was = (await self._run("requeue", job_id)).decode()
        if not was:
            raise _not_found(job_id)
        if was != "failed":
            raise JobNotFailed(f"job {job_id} has not failed")
        return await self.get(job_id)

    async def end_overdue(self) -> list[tuple[str, str]]:
        """Fail jobs that wait beyond their deadline, a bounded number of them; return id and model of each.

        Raises:
            QueueUnavailable: Redis does not answer.
        """
        ended = await self._run("overdue", job_records.timestamp(), _OVERDUE.model_dump_json(), _OVERDUE_AT_ONCE)
        return [(job_id.decode(), model.decode()) for job_id, model in ended]

    async def images_due(self) -> list[str]:
        """Return ids of some jobs that are no longer kept, and so their images should not be either.

        Raises:
            QueueUnavailable: Redis does not answer.
        """
        return [job_id.decode() for job_id in await self._run("images_due", _IMAGES_AT_ONCE)]

    async def images_removed(self, job_ids: Sequence[str]) -> None:
        """Take note that their images are gone.

        Raises:
            QueueUnavailable: Redis does not answer.
        """
        await self._run("images_removed", *job_ids)

    async def wait(self, job_id: str, seconds: float, *, tenant: str | None = None) -> JobRecord:
        """Return the job as soon as it has ended, or as it stands after `seconds` or when the gateway stops.

        Raises:
            JobNotFound, QueueUnavailable: as `get`.
        """
        with self._watch.watch(job_id) as sight, contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                job = await self.get(job_id, tenant=tenant)
                while not job.status.is_final and (glimpse := await sight.change()):
                    if glimpse.state == "ended":
                        job = await self.get(job_id, tenant=tenant)
                return job
        return await self.get(job_id, tenant=tenant)

    async def follow(
        self, job_id: str, *, tenant: str | None = None, after: str | None = None, previews: bool = False
    ) -> AsyncGenerator[JobEvent, None]:
        """Tell what becomes of a job, the present first, `Ended` last; close the iterator to stop before that.

        It ends without `Ended` only when the gateway stops or the job is deleted; a later call, on any gateway,
        goes on with what has changed `after` the id of the last event that arrived.

        Args:
            job_id: The job.
            tenant: As for `get`.
            after: An event's id.
            previews: Have unfinished pictures drawn, and yield them.

        Raises:
            InvalidRequest: `after` is no event's id.
            JobNotFound, QueueUnavailable: as `get`.
        """
        told = Told.read(after)
        with self._watch.watch(job_id, previews=previews) as sight:
            glimpse: Glimpse | None = glimpse_of(await self.get(job_id, tenant=tenant))
            while glimpse:
                for event in await self._news(job_id, told, glimpse, previews=previews):
                    yield event
                    told = Told.read(event.id)
                if told.is_all:
                    return
                glimpse = await sight.change()

    async def _news(self, job_id: str, told: Told, glimpse: Glimpse, *, previews: bool) -> list[JobEvent]:
        """Find out what a glimpse adds to what was told."""
        if glimpse.state == "ended":
            job = await self.get(job_id)
            end = told.at_the_end(job.status)
            return [Ended(end.id, job)] if end.is_all and end != told else []
        now = told.after(glimpse)
        news: list[JobEvent] = [] if now == told else [event_of(now, glimpse)]
        if previews and glimpse.previews > told.previews:
            news += previews_of(now, await self._run("previews", job_id, told.previews))
        return news

    async def _look(self, job_ids: Sequence[str], with_previews: Sequence[str]) -> list[Glimpse | None]:
        ask = {"jobs": job_ids, "previews": with_previews, "wish_seconds": _PREVIEWS_WANTED_SECONDS}
        seen = json.loads(await self._run("look", json.dumps(ask)))
        return [job_records.read_glimpse(*one) if one else None for one in seen]

    async def depth(self, model: str) -> int:
        """Count the jobs that wait for a model.

        Raises:
            QueueUnavailable: Redis does not answer.
        """
        return (await self.backlogs([model]))[model].queued_jobs

    async def backlogs(self, models: Sequence[str]) -> dict[str, Backlog]:
        """Tell how many jobs wait for each model, and for how long the oldest has.

        Raises:
            QueueUnavailable: Redis does not answer.
        """
        answers = await self._run("backlog", *models)
        return {model: Backlog(count, float(age)) for model, (count, age) in zip(models, answers, strict=True)}

    async def lines(self, models: Sequence[str]) -> dict[str, Line]:
        """See what waits for each model and how fast it goes; who draws it, the queue does not know.

        Raises:
            QueueUnavailable: Redis does not answer.
        """
        if not models:
            return {}
        seen = json.loads(await self._run("line", _JOBS_SEEN_PER_LINE, *models))
        return {
            model: job_records.read_line(one, busy_workers=seen["busy"])
            for model, one in zip(models, seen["models"], strict=True)
        }


def _record(job_id: str, flat: Sequence[bytes], tenant: str | None, position: int | None = None) -> JobRecord:
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    if not fields or (tenant is not None and fields.get(b"tenant") != tenant.encode()):
        raise _not_found(job_id)
    try:
        return job_records.read_record(job_id, fields, position)
    except ValueError as error:  # somebody else's, queued with RQ's own tools
        raise _not_found(job_id) from error


def _not_found(job_id: str) -> JobNotFound:
    return JobNotFound(f"there is no job {job_id!r}, or it is no longer kept")
