"""A job after its submission: wait for its end as long as the client does, cancel it, or forget it."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import Request

from app.api.dependencies import Gateway, caller_of, gateway_of
from app.errors import JobNotCancelable
from app.messages import JobRecord, JobStatus
from app.storage import folder_of_job
from app.tenants.tenant import Tenant


async def wait_for_job(request: Request, job_id: str, seconds: float) -> JobRecord | None:
    """Wait until the job has ended, the time is over or the server stops; None as soon as the client has gone.

    The body must have been read by now.

    Raises:
        JobNotFound, QueueUnavailable: as `JobQueue.wait`.
    """
    gateway, tenant = gateway_of(request), caller_of(request).name
    ending = asyncio.create_task(gateway.queue.wait(job_id, seconds, tenant=tenant))
    leaving = asyncio.create_task(_disconnected(request))
    stopping = asyncio.create_task(gateway.stopping.wait())
    try:
        await asyncio.wait({ending, leaving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            return ending.result()
        return None if leaving.done() else await gateway.queue.get(job_id, tenant=tenant)
    finally:
        for task in (ending, leaving, stopping):
            task.cancel()


async def cancel_job(gateway: Gateway, caller: Tenant, job_id: str) -> JobRecord:
    """End a job of the caller's and count that.

    Raises:
        JobNotFound, JobNotCancelable, QueueUnavailable: as `JobQueue.cancel`.
    """
    ended = await gateway.queue.end(job_id, tenant=caller.name)
    record = await gateway.queue.get(job_id)
    if ended:  # canceling twice counts once
        gateway.metrics.job_finished(record.message.model, JobStatus.CANCELED)
    return record


async def delete_job(gateway: Gateway, caller: Tenant, job_id: str) -> None:
    """Forget a job of the caller's and its images at once; one that has not ended is canceled first.

    The images go first, so that a store that is away leaves a job that can be deleted again.

    Raises:
        JobNotFound, QueueUnavailable: as `JobQueue.get`.
        StorageUnavailable: the images cannot be removed now.
    """
    with contextlib.suppress(JobNotCancelable):
        await cancel_job(gateway, caller, job_id)
    await asyncio.to_thread(gateway.store.delete_under, folder_of_job(job_id))
    await gateway.queue.delete(job_id)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
