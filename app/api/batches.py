"""The batches door: submit jobs together, read them together, cancel what is left of them."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response, status

from app.api import batch_submission, following
from app.api.answers import Batch, BatchStatus, LinkSigner, job_answer
from app.api.dependencies import Caller, GatewayParts, Links
from app.api.documentation import SUBMISSION_ERRORS, errors
from app.api.openapi import operation_links
from app.api.refusals import note_accepted
from app.api.schemas import MAX_BATCH_JOBS, BatchSubmission
from app.api.strict_json import PictureRoute, parse, parse_aside, read_body, read_json
from app.api.submission import IdempotencyKey
from app.errors import (
    BatchNotFound,
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
from app.job_reading import JobBatch
from app.messages import JobStatus

JSON_LINES = "application/jsonl"
_LOCATION = {"Location": {"description": "The batch's address.", "schema": {"type": "string"}}}
_LINKS = operation_links("batch_id", "read_batch", "cancel_batch")
_ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"description": "All are accepted.", "headers": _LOCATION, "links": _LINKS}
}


class BatchRoute(PictureRoute):
    """One whose body may be a request a line, too."""

    async def read(self, request: Request, limit_bytes: int) -> Any:
        """Read either body as the JSON one."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON_LINES:
            return await read_json(request, limit_bytes)
        body = await read_body(request, limit_bytes, JSON_LINES)
        return {"requests": await parse_aside(_parse_lines, body)}


router = APIRouter(tags=["batches"], route_class=BatchRoute)


@router.post(
    "/v1/batches",
    status_code=status.HTTP_202_ACCEPTED,
    responses=_ACCEPTED
    | errors(
        *(*SUBMISSION_ERRORS, InvalidImage, FileNotFound, UrlNotAllowed, UrlUnreachable),
        *(StorageUnavailable, BatchNotFound, IdempotencyKeyReused, JobGone),
    ),
)
async def submit_batch(
    wanted: BatchSubmission,
    gateway: GatewayParts,
    caller: Caller,
    links: Links,
    request: Request,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> Batch:
    """Submit many jobs: all are accepted, or none. An error's `param` names the request: `requests.3.size`.

    The requests may also come one a line, as `application/jsonl`.
    """
    batch = await batch_submission.submit_batch(
        gateway, caller, wanted, idempotency_key=idempotency_key, base_url=links.base_url
    )
    note_accepted(request.scope)
    structlog.contextvars.bind_contextvars(batch_id=batch.id)
    response.headers["Location"] = f"/v1/batches/{batch.id}"
    return _answer(batch, links)


@router.get("/v1/batches/{batch_id}", responses=errors(BatchNotFound, QueueUnavailable))
async def read_batch(batch_id: str, gateway: GatewayParts, caller: Caller, links: Links) -> Batch:
    """Read a batch and its jobs as they are now; their image links are signed afresh."""
    return _answer(await gateway.queue.batch(batch_id, tenant=caller.name), links)


@router.post("/v1/batches/{batch_id}/cancel", responses=errors(BatchNotFound, QueueUnavailable))
async def cancel_batch(batch_id: str, gateway: GatewayParts, caller: Caller, links: Links) -> Batch:
    """Cancel the jobs of a batch that are queued or running; those that have ended stay as they are."""
    for job in (await gateway.queue.batch(batch_id, tenant=caller.name)).jobs:
        with contextlib.suppress(JobNotCancelable, JobNotFound):
            await following.cancel_job(gateway, caller, job.id)
    return _answer(await gateway.queue.batch(batch_id, tenant=caller.name), links)


def _answer(batch: JobBatch, links: LinkSigner) -> Batch:
    counted = Counter(job.status for job in batch.jobs)
    return Batch(
        id=batch.id,
        status=_status(counted),
        created_at=batch.created_at,
        counts={one: counted[one] for one in JobStatus},
        jobs=[job_answer(job, links) for job in batch.jobs],
    )


def _status(counted: Counter[JobStatus]) -> BatchStatus:
    if counted[JobStatus.QUEUED] == counted.total() > 0:
        return "queued"
    return "running" if counted[JobStatus.QUEUED] or counted[JobStatus.RUNNING] else "ended"


def _parse_lines(body: bytes) -> list[Any]:
    """Parse a request a line.

    Raises:
        InvalidRequest: a line is no JSON, or there are too many; it names the line.
    """
    lines = body.removesuffix(b"\n").split(b"\n")
    if len(lines) > MAX_BATCH_JOBS:
        raise InvalidRequest(f"a batch has at most {MAX_BATCH_JOBS} lines, not {len(lines)}", param="requests")
    return [_parse_line(index, line) for index, line in enumerate(lines)]


def _parse_line(index: int, line: bytes) -> Any:
    try:
        return parse(line)
    except InvalidRequest as error:
        raise InvalidRequest(f"line {index + 1}: {error.detail}", param=f"requests.{index}") from error
