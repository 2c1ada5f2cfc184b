"""Estimates for jobs as they are now: the lines of all models, asked of Redis at most four times a second."""

from __future__ import annotations

import asyncio
import datetime as dt
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from app import estimates
from app.admission import batch_key
from app.announcements import ModelState
from app.errors import QueueUnavailable
from app.estimates import Estimate, Line, Waiting
from app.fleet import Fleet
from app.jobs import JobQueue
from app.messages import JobMessage, JobRecord, JobStatus

REMEMBERED_SECONDS = 0.25


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Forecasts:
    """What this gateway expects; it never raises: an estimate that cannot be made is None."""

    def __init__(self, queue: JobQueue, fleet: Fleet, now: Callable[[], dt.datetime] = _now) -> None:
        self._queue = queue
        self._fleet = fleet
        self._now = now
        self._states: Mapping[str, ModelState] = {}
        self._lines: Mapping[str, Line] = {}
        self._fresh_until = 0.0
        self._asking = asyncio.Lock()

    async def of_job(self, job: JobRecord) -> Estimate | None:
        """Estimate when a job will start and end; None for one that has ended."""
        line = await self._line(job.message.model)
        if line is None or job.status.is_final:
            return None
        waiting = self._waiting(job.message)
        if job.status is JobStatus.QUEUED:
            return estimates.of_waiting(line, job.position or 0, waiting)
        seconds = (self._now() - job.started_at).total_seconds() if job.started_at else 0.0
        return estimates.of_running(line, waiting, running_seconds=max(seconds, 0.0), progress=job.progress)

    async def of_request(self, message: JobMessage) -> Estimate | None:
        """Estimate for a job that would be queued now, behind all others."""
        line = await self._line(message.model)
        return estimates.of_waiting(line, line.num_waiting, self._waiting(message)) if line else None

    async def retry_after(self, model: str) -> int | None:
        """Return the seconds after which somebody for whom there was no room should come back."""
        line = await self._line(model)
        return estimates.retry_after(line) if line else None

    def _waiting(self, message: JobMessage) -> Waiting:
        key = batch_key(message, self._states[message.model].capabilities)
        kind = estimates.kind_of(message.request)
        return Waiting(kind, message.request.num_images, estimates.full_batch_key(message.model, key))

    async def _line(self, model: str) -> Line | None:
        async with self._asking:
            if time.monotonic() >= self._fresh_until:
                try:
                    await self._ask()
                except QueueUnavailable:
                    self._lines = {}
                self._fresh_until = time.monotonic() + REMEMBERED_SECONDS
        return self._lines.get(model)

    async def _ask(self) -> None:
        self._states = await self._fleet.states()
        seen = await self._queue.lines(list(self._states))
        lines = {model: _with_workers(line, self._states[model]) for model, line in seen.items()}
        self._lines = {model: _with_others(line, model, lines, self._states) for model, line in lines.items()}


def _with_workers(line: Line, state: ModelState) -> Line:
    capabilities = state.capabilities
    return replace(
        line,
        workers=state.workers,
        max_batch_size=capabilities.max_batch_size,
        admits=capabilities.admits,
        seconds_to_load=state.seconds_to_load,
    )


def _with_others(line: Line, model: str, lines: Mapping[str, Line], states: Mapping[str, ModelState]) -> Line:
    """Add what the line's workers do for other models."""
    workers = {said.worker for said in states[model].announcements}
    shared = [name for name, state in states.items() if workers & {said.worker for said in state.announcements}]
    in_hand = [
        pace.seconds_per_image if lines[name].admits else pace.seconds_to_draw
        for name in shared
        for pace in lines[name].paces.values()
    ]
    return replace(
        line,
        seconds_in_hand=statistics.fmean(in_hand) if in_hand else 0.0,
        others_seconds=sum(lines[name].seconds_waiting for name in shared if name != model),
    )
