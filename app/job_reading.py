"""Reads jobs for the gateway: one, a batch, a page of them, and what waits for each model."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from app import job_records
from app.errors import BatchNotFound, JobNotFound
from app.estimates import Line
from app.messages import JobRecord, JobStatus
from app.queue_calls import QueueCalls
from app.settings import Settings

_ENTRIES_SCANNED_AT_ONCE = 1000  # while Redis does nothing else
_SCANS_PER_PAGE = 10
_JOBS_SEEN_PER_LINE = 200  # those behind them count as their mean


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


class JobReader:
    """Jobs as they stand; a `tenant` given to a call hides the jobs of all others."""

    def __init__(self, client: redis.asyncio.Redis, settings: Settings) -> None:
        self._calls = QueueCalls(client)
        self._run = self._calls.run
        self._settings = settings

    async def get(self, job_id: str, *, tenant: str | None = None) -> JobRecord:
        """Read a job.

        Raises:
            JobNotFound: there is none, it has expired, or it is another tenant's.
            QueueUnavailable: Redis does not answer.
        """
        fields, ahead = await self._run("read", job_id)
        return _record(job_id, fields, tenant, position=ahead)

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


def job_not_found(job_id: str) -> JobNotFound:
    """Say that there is no such job, or none that the caller may see."""
    return JobNotFound(f"there is no job {job_id!r}, or it is no longer kept")


def _record(job_id: str, flat: Sequence[bytes], tenant: str | None, position: int | None = None) -> JobRecord:
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    if not fields or (tenant is not None and fields.get(b"tenant") != tenant.encode()):
        raise job_not_found(job_id)
    try:
        return job_records.read_record(job_id, fields, position)
    except ValueError as error:  # somebody else's, queued with RQ's own tools
        raise job_not_found(job_id) from error
