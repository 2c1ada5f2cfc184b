"""The jobs door: submit, read, list, cancel, delete, and wait without polling."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Header, Query, Request, Response, status

from app.api import following
from app.api.answers import Job, JobList, job_answer
from app.api.dependencies import Caller, GatewayParts, Links
from app.api.documentation import SUBMISSION_ERRORS, errors
from app.api.dry_run import JobEstimate, estimate_job
from app.api.estimating import job_with_estimate
from app.api.openapi import operation_links
from app.api.picture_bodies import fetch, upload_of
from app.api.refusals import note_accepted
from app.api.schemas import JobSubmission, PageQuery
from app.api.strict_json import PictureRoute
from app.api.submission import IdempotencyKey, submit
from app.errors import (
    FileNotFound,
    IdempotencyKeyReused,
    InvalidImage,
    InvalidRequest,
    JobGone,
    JobNotCancelable,
    JobNotFound,
    QueueUnavailable,
    StorageUnavailable,
    UrlNotAllowed,
    UrlUnreachable,
)
from app.messages import JobRecord

LONGEST_WAIT_SECONDS = 60
_WAIT = re.compile(r'(?:^|[,;\s])wait\s*=\s*"?([0-9]{1,6})"?(?=[,;\s]|$)', re.IGNORECASE)

Prefer = Annotated[
    str | None,
    Header(description=f"`wait=N`: answer when the job has ended, at the latest after N ≤ {LONGEST_WAIT_SECONDS} s."),
]
DryRun = Annotated[bool, Query(description="Check the request, and tell what it would cost and take, without a job.")]
_LOCATION = {"Location": {"description": "The job's address.", "schema": {"type": "string"}}}
_LINKS = operation_links("job_id", "read_job", "follow_job", "cancel_job", "delete_job")
_SUBMITTED: dict[int | str, dict[str, Any]] = {
    202: {"description": "Accepted: the job will reach a final state.", "headers": _LOCATION, "links": _LINKS},
    200: {
        "model": Job | JobEstimate,
        "description": "Accepted, and ended while the client waited; or what a dry run would have made.",
        "headers": _LOCATION,
    },
}

router = APIRouter(tags=["jobs"], route_class=PictureRoute)


@router.post(
    "/v1/jobs",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=Job,
    responses=_SUBMITTED
    | errors(
        *(*SUBMISSION_ERRORS, InvalidImage, FileNotFound, UrlNotAllowed, UrlUnreachable),
        *(StorageUnavailable, IdempotencyKeyReused, JobGone),
    ),
)
async def submit_job(
    wanted: JobSubmission,
    gateway: GatewayParts,
    caller: Caller,
    links: Links,
    request: Request,
    response: Response,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
    dry_run: DryRun = False,
) -> Job | Response:
    """Submit a job. Once this is answered, the job survives whatever is restarted."""
    upload = await upload_of(wanted, partial(fetch, gateway=gateway, caller=caller))
    if dry_run:
        estimate = await estimate_job(gateway, caller, wanted, upload, idempotency_key)
        return Response(estimate.model_dump_json(), media_type="application/json")
    record = await submit(
        gateway, caller, wanted, upload=upload, idempotency_key=idempotency_key, base_url=links.base_url
    )
    note_accepted(request.scope)
    response.headers["Location"] = f"/v1/jobs/{record.id}"
    record = await _wait_as_preferred(record, prefer, request, response)
    if record.status.is_final:
        response.status_code = status.HTTP_200_OK
    return await job_with_estimate(gateway, record, links, response)


@router.get("/v1/jobs/{job_id}", responses=errors(JobNotFound, QueueUnavailable))
async def read_job(
    job_id: str,
    gateway: GatewayParts,
    caller: Caller,
    links: Links,
    request: Request,
    response: Response,
    prefer: Prefer = None,
) -> Job:
    """Read a job as it is now; its image links are signed afresh."""
    record = await gateway.queue.get(job_id, tenant=caller.name)
    structlog.contextvars.bind_contextvars(job_id=record.id)
    record = await _wait_as_preferred(record, prefer, request, response)
    return await job_with_estimate(gateway, record, links, response)


@router.get("/v1/jobs", responses=errors(InvalidRequest, QueueUnavailable))
async def list_jobs(
    gateway: GatewayParts, caller: Caller, links: Links, query: Annotated[PageQuery, Query()]
) -> JobList:
    """List your jobs, the newest first. A page may be short although more follow: `next_cursor` tells."""
    wanted = query.metadata_wanted()
    page = await gateway.queue.page(query.cursor, query.limit, query.status, tenant=caller.name, metadata=wanted)
    jobs = [job_answer(record, links) for record in page.jobs]
    return JobList(data=jobs, next_cursor=page.next_cursor, has_more=page.next_cursor is not None)


@router.post("/v1/jobs/{job_id}/cancel", responses=errors(JobNotFound, JobNotCancelable, QueueUnavailable))
async def cancel_job(job_id: str, gateway: GatewayParts, caller: Caller, links: Links) -> Job:
    """Cancel a job that is queued or running; one that is canceled already stays so."""
    record = await following.cancel_job(gateway, caller, job_id)
    structlog.contextvars.bind_contextvars(job_id=record.id)
    return job_answer(record, links)


@router.delete(
    "/v1/jobs/{job_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=errors(JobNotFound, QueueUnavailable, StorageUnavailable),
)
async def delete_job(job_id: str, gateway: GatewayParts, caller: Caller) -> None:
    """Forget a job and its images at once; one that is queued or running is canceled first."""
    await following.delete_job(gateway, caller, job_id)
    structlog.contextvars.bind_contextvars(job_id=job_id)


async def _wait_as_preferred(record: JobRecord, prefer: str | None, request: Request, response: Response) -> JobRecord:
    """Honour `Prefer: wait=N` (RFC 7240), as far as this service does, and say so."""
    asked = _WAIT.search(prefer or "")
    if not asked:
        return record
    seconds = min(int(asked[1]), LONGEST_WAIT_SECONDS)
    response.headers["Preference-Applied"] = f"wait={seconds}"
    if record.status.is_final:
        return record
    return await following.wait_for_job(request, record.id, seconds) or record
