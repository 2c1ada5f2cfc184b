"""For operators: the jobs of all tenants without what was asked for, and another chance for a job that failed."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.api.dependencies import GatewayParts
from app.api.documentation import errors
from app.api.schemas import StatusQuery
from app.errors import InvalidRequest, JobNotFailed, JobNotFound, QueueUnavailable
from app.messages import JobError, JobRecord, JobStatus

router = APIRouter(prefix="/operations", tags=["operations"])


class OperatorsJob(BaseModel):
    """A job as operators see it: no prompt, no picture."""

    id: str
    object: Literal["operators_job"] = "operators_job"
    tenant: str
    model: str
    status: JobStatus
    num_images: int
    attempts: int
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    error: JobError | None

    @classmethod
    def of(cls, record: JobRecord) -> Self:
        """Show a record without what its owner has asked for."""
        return cls(
            id=record.id,
            tenant=record.message.tenant,
            model=record.message.model,
            status=record.status,
            num_images=record.message.request.num_images,
            attempts=record.attempts,
            created_at=record.created_at,
            started_at=record.started_at,
            finished_at=record.finished_at,
            error=record.outcome.error if record.outcome else None,
        )


class OperatorsJobList(BaseModel):
    """A page of jobs, the newest first."""

    object: Literal["list"] = "list"
    data: list[OperatorsJob]
    next_cursor: Annotated[str | None, Field(description="For the next page; null on the last one.")]


@router.get("/jobs", responses=errors(InvalidRequest, QueueUnavailable))
async def list_all_jobs(gateway: GatewayParts, query: Annotated[StatusQuery, Query()]) -> OperatorsJobList:
    """List all tenants' jobs, the newest first. A page may be short although more follow: `next_cursor` tells."""
    page = await gateway.queue.page(query.cursor, query.limit, query.status)
    return OperatorsJobList(data=[OperatorsJob.of(record) for record in page.jobs], next_cursor=page.next_cursor)


@router.post("/jobs/{job_id}/requeue", responses=errors(JobNotFound, JobNotFailed, QueueUnavailable))
async def requeue_job(job_id: str, gateway: GatewayParts) -> OperatorsJob:
    """Queue a failed job again as if for the first time, a quarantined one too: what to do after a repair."""
    return OperatorsJob.of(await gateway.queue.requeue(job_id))
