"""A job after its submission: wait for its end as long as the client does, or cancel it."""

from __future__ import annotations

import asyncio

from fastapi import Request

from app.api.dependencies import Gateway, gateway_of
from app.messages import JobRecord, JobStatus


async def wait_for_job(request: Request, job_id: str, seconds: float) -> JobRecord | None:
    """Wait until the job has ended, the time is over or the server stops; None as soon as the client has gone.

    The body must have been read by now.

    Raises:
        JobNotFound, QueueUnavailable: as `JobQueue.wait`.
    """
    gateway = gateway_of(request)
    ending = asyncio.create_task(gateway.queue.wait(job_id, seconds))
    leaving = asyncio.create_task(_disconnected(request))
    stopping = asyncio.create_task(gateway.stopping.wait())
    try:
        await asyncio.wait({ending, leaving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            return ending.result()
        return None if leaving.done() else await gateway.queue.get(job_id)
    finally:
        for task in (ending, leaving, stopping):
            task.cancel()


async def cancel_job(gateway: Gateway, job_id: str) -> JobRecord:
    """End a job and count that.

    Raises:
        JobNotFound, JobNotCancelable, QueueUnavailable: as `JobQueue.cancel`.
    """
    before = await gateway.queue.get(job_id)
    record = await gateway.queue.cancel(job_id)
    if not before.status.is_final:  # canceling twice counts once
        gateway.metrics.job_finished(record.message.model, JobStatus.CANCELED)
    return record


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
