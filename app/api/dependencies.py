"""What the routes work with: the gateway's parts, made once, and the links and waits that belong to one request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from app.api.answers import LinkSigner
from app.errors import EaselError
from app.fleet import Fleet
from app.jobs import JobQueue
from app.messages import JobRecord, JobStatus
from app.metrics import GatewayMetrics
from app.settings import Settings
from app.storage import ObjectStore
from models.catalog import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The parts that outlive a request."""

    settings: Settings
    catalog: Catalog
    queue: JobQueue
    fleet: Fleet
    store: ObjectStore
    metrics: GatewayMetrics
    stopping: asyncio.Event  # set when the server is told to end
    started_at: int  # Unix seconds


def gateway_of(request: Request) -> Gateway:
    """Return the parts that `create_app` has put together."""
    gateway: Gateway = request.app.state.gateway
    return gateway


async def _gateway(request: Request) -> Gateway:
    return gateway_of(request)  # async, or FastAPI would take a thread for it


async def _link_signer(request: Request) -> LinkSigner:
    gateway = gateway_of(request)
    return LinkSigner(
        store=gateway.store,
        base_url=gateway.settings.public_url or str(request.base_url),
        expires_seconds=gateway.settings.url_expiry_seconds,
    )


GatewayParts = Annotated[Gateway, Depends(_gateway)]
Links = Annotated[LinkSigner, Depends(_link_signer)]


@contextlib.contextmanager
def counting_refusals(metrics: GatewayMetrics) -> Iterator[None]:
    """Count the error that refuses a submission, if there is one."""
    try:
        yield
    except EaselError as error:
        metrics.job_refused(error.code)
        raise


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


async def cancel(gateway: Gateway, job_id: str) -> JobRecord:
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
