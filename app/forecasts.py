"""Estimates for jobs as they are now: the line of every model, asked of Redis at most once a second."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from app import estimates
from app.errors import QueueUnavailable
from app.estimates import Estimate, Line
from app.fleet import REMEMBERED_SECONDS, Fleet
from app.jobs import JobQueue
from app.messages import JobRecord, JobStatus
from models.interface import GenerationRequest

_NO_LINE = Line()


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Forecasts:
    """What this gateway expects; it never raises: an estimate that cannot be made is None."""

    def __init__(self, queue: JobQueue, fleet: Fleet, now: Callable[[], dt.datetime] = _now) -> None:
        self._queue = queue
        self._fleet = fleet
        self._now = now
        self._lines: Mapping[str, Line] = {}
        self._fresh_until = 0.0
        self._asking = asyncio.Lock()

    async def of_job(self, job: JobRecord) -> Estimate | None:
        """Estimate when a job will start and end; None for one that has ended."""
        request = job.message.request
        kind, images = estimates.kind_of(request), request.num_images
        if job.status.is_final:
            return None
        line = await self._line(job.message.model)
        if job.status is JobStatus.QUEUED:
            return estimates.of_waiting(line, job.position or 0, kind, images)
        seconds = (self._now() - job.started_at).total_seconds() if job.started_at else 0.0
        return estimates.of_running(line, kind, images, running_seconds=max(seconds, 0.0), progress=job.progress)

    async def of_request(self, model: str, request: GenerationRequest) -> Estimate | None:
        """Estimate for a job that would be queued now, behind all others."""
        line = await self._line(model)
        return estimates.of_waiting(line, line.num_waiting, estimates.kind_of(request), request.num_images)

    async def retry_after(self, model: str) -> int | None:
        """Return the seconds after which somebody for whom there was no room should come back."""
        return estimates.retry_after(await self._line(model))

    async def _line(self, model: str) -> Line:
        async with self._asking:
            if time.monotonic() >= self._fresh_until:
                try:
                    self._lines = await self._ask()
                except QueueUnavailable:
                    self._lines = {}
                self._fresh_until = time.monotonic() + REMEMBERED_SECONDS
        return self._lines.get(model, _NO_LINE)

    async def _ask(self) -> dict[str, Line]:
        states = await self._fleet.states()
        serving = {model: {said.worker for said in state.announcements} for model, state in states.items()}
        lines = {
            model: replace(line, workers=len(serving[model]), admits=states[model].capabilities.admits)
            for model, line in (await self._queue.lines(list(states))).items()
        }
        return {
            model: replace(
                line,
                others_seconds=sum(
                    other.seconds_waiting
                    for name, other in lines.items()
                    if name != model and serving[name] & serving[model]
                ),
            )
            for model, line in lines.items()
        }
