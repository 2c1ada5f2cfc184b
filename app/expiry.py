"""Ends what no worker ends: jobs that wait beyond their deadline, and images whose jobs are no longer kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from app.errors import EaselError
from app.jobs import JobQueue
from app.messages import JobStatus
from app.metrics import GatewayMetrics
from app.storage import ObjectStore, folder_of_job

log = structlog.get_logger()

OVERDUE_PAUSE_SECONDS = 0.5  # how late a deadline may be noticed
IMAGES_PAUSE_SECONDS = 5.0


async def end_overdue_regularly(queue: JobQueue, metrics: GatewayMetrics) -> None:
    """Fail jobs whose deadline has passed, until cancelled; several gateways may do so at once."""

    async def end_some() -> int:
        ended = await queue.end_overdue()
        for job_id, model in ended:
            metrics.job_finished(model, JobStatus.FAILED, "deadline_exceeded")
            log.info("job_overdue", job_id=job_id, model=model)
        return len(ended)

    await _again_and_again(end_some, OVERDUE_PAUSE_SECONDS)


async def remove_images_regularly(queue: JobQueue, store: ObjectStore) -> None:
    """Remove images as soon as their job's record has expired, until cancelled."""

    async def remove_some() -> int:
        due = await queue.images_due()
        for job_id in due:
            await asyncio.to_thread(store.delete_under, folder_of_job(job_id))
        if due:
            await queue.images_removed(due)
        return len(due)

    await _again_and_again(remove_some, IMAGES_PAUSE_SECONDS)


async def _again_and_again(step: Callable[[], Awaitable[int]], pause_seconds: float) -> None:
    """Take a step, at once again while there is something to do; what fails is logged and tried again."""
    while True:
        try:
            while await step():
                pass
        except EaselError as error:
            log.warning("expiry_put_off", reason=error.detail)
        await asyncio.sleep(pause_seconds)
