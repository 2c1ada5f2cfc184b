"""Waits for jobs and tells what becomes of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Sequence

import redis.asyncio

from app import job_records
from app.job_events import Ended, Glimpse, JobEvent, Told, event_of, glimpse_of, previews_of
from app.job_reading import JobReader
from app.job_watch import JobWatch
from app.messages import JobRecord
from app.settings import Settings

_PREVIEWS_WANTED_SECONDS = 10  # after the last look of who wants them


class JobFollower(JobReader):
    """Jobs as they change."""

    def __init__(self, client: redis.asyncio.Redis, settings: Settings) -> None:
        super().__init__(client, settings)
        self._watch = JobWatch(client, self._look)

    async def close(self) -> None:
        """Stop listening; the client stays open, it belongs to the caller."""
        await self._watch.close()

    def stop_following(self) -> None:
        """Let all who follow or await a job go, now and from now on: the gateway is about to end."""
        self._watch.stop()

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
