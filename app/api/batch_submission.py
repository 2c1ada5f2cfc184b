"""From a list of valid bodies to a batch of accepted jobs: all of them, or none."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator, Sequence

from app.admission import batch_key, cost
from app.api.batch_pictures import BatchPictures
from app.api.dependencies import Gateway
from app.api.estimating import telling_when_to_return
from app.api.picture_bodies import upload_of
from app.api.schemas import BatchSubmission, JobSubmission
from app.api.submission import fingerprint_of_wish, moderate, prepare, terms, with_input
from app.errors import EaselError, InvalidRequest
from app.inputs import Upload
from app.job_intake import Repeat
from app.job_reading import JobBatch
from app.job_records import new_batch_id, new_job_id
from app.new_jobs import NewJob
from app.tenants.tenant import Tenant
from app.tracing import current_traceparent


async def submit_batch(
    gateway: Gateway, caller: Tenant, wanted: BatchSubmission, *, idempotency_key: str | None, base_url: str
) -> JobBatch:
    """Check each request against its model, and queue them all.

    Raises:
        EaselError: refused as a whole; `param` names the request and its field, such as `requests.3.size`.
    """
    batch, jobs = new_batch_id(time.time()), []
    pictures, fingerprint = BatchPictures(gateway, caller), hashlib.sha256()
    for index, request in enumerate(wanted.requests):
        with _naming_request(index):
            upload = await upload_of(request, pictures.fetch)
            jobs.append(await _new_job(gateway, caller, request, upload, batch, base_url))
            fingerprint.update(fingerprint_of_wish(request, upload).encode())
    _check_size_of_batch(caller, jobs)
    repeat = Repeat(idempotency_key=idempotency_key, fingerprint=fingerprint.hexdigest()) if idempotency_key else None
    async with telling_when_to_return(gateway.forecasts, jobs[0].message.model):
        taken = await gateway.queue.submit_batch(jobs, caller=caller, repeat=repeat)
    if taken.id == batch:  # otherwise the idempotency key has found an earlier batch
        for job in jobs:
            gateway.metrics.job_submitted(job.message.model)
    return await gateway.queue.batch(taken.id, tenant=caller.name)


async def _new_job(
    gateway: Gateway, caller: Tenant, wanted: JobSubmission, upload: Upload | None, batch: str, base_url: str
) -> NewJob:
    """Check a request and store its picture, so that no more than one is held decoded."""
    prepared = await prepare(gateway, caller, wanted, upload)
    await moderate(gateway, prepared.message)
    message = await with_input(gateway, prepared)
    message = message.model_copy(update={"traceparent": current_traceparent()})
    return NewJob(
        id=new_job_id(time.time()),
        message=message,
        batch_key=batch_key(message, prepared.capabilities),
        cost=cost(message.request),
        priority=wanted.priority or "normal",
        terms=terms(wanted, gateway, base_url),
        batch=batch,
    )


def _check_size_of_batch(caller: Tenant, jobs: Sequence[NewJob]) -> None:
    """Refuse a batch that would be too large for its key whenever it came."""
    limits = caller.limits
    num_images = sum(job.message.request.num_images for job in jobs)
    for count, limit, what in (
        (len(jobs), limits.requests_per_minute, "requests a minute"),
        (num_images, limits.images_per_minute, "images a minute"),
        (len(jobs), limits.max_open_jobs, "open jobs"),
    ):
        if limit is not None and count > limit:
            raise InvalidRequest(f"your API key has {limit} {what}, not {count}", param="requests")


@contextlib.contextmanager
def _naming_request(index: int) -> Iterator[None]:
    try:
        yield
    except EaselError as error:
        error.param = ".".join(filter(None, ("requests", str(index), error.param)))
        raise
