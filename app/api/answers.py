"""What clients get: a job's record as its answer, with image links signed now, and the lists of jobs and models."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, Field

from app.estimates import Estimate
from app.messages import (
    JobError,
    JobMessage,
    JobRecord,
    JobStatus,
    OutputFormat,
    Priority,
    Progress,
    StoredImage,
    Timings,
)
from app.storage import ObjectStore


class AcceptedRequest(BaseModel):
    """The request as accepted: complete, so that sending it again draws the same."""

    prompt: str
    negative_prompt: str | None
    width: int
    height: int
    num_images: int
    seed: int
    num_inference_steps: int | None
    guidance_scale: float | None
    temperature: float | None
    top_k: int | None
    top_p: float | None
    truncation_psi: float | None
    strength: float | None
    image_sha256: Annotated[str | None, Field(description="Of the input image as it is drawn from: scaled, as PNG.")]
    mask_sha256: str | None
    output_format: OutputFormat
    output_compression: int


class JobImage(BaseModel):
    """A finished image; its link is signed whenever the job is read."""

    url: str
    url_expires_at: dt.datetime
    width: int
    height: int
    seed: int
    sha256: str
    bytes: int
    content_type: str


class Job(BaseModel):
    """A job at this moment."""

    id: Annotated[str, Field(examples=["job_06a8n5q2c4v9k7e1m3t5r8b0dg2h4j6s8"])]
    object: Literal["job"] = "job"
    status: JobStatus
    model: str
    priority: Priority
    metadata: dict[str, str]
    request: AcceptedRequest
    created_at: dt.datetime
    deadline_at: Annotated[dt.datetime | None, Field(description="It fails if it still waits then.")]
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    expires_at: Annotated[dt.datetime | None, Field(description="When job and images are forgotten.")]
    position: Annotated[int | None, Field(description="Jobs ahead of it, while it is queued.")]
    estimate: Annotated[Estimate | None, Field(description="When it will start and end, once speeds are known.")]
    progress: Progress | None
    attempts: int
    timings: Timings | None
    images: list[JobImage]
    error: Annotated[JobError | None, Field(description="Why it failed.")]
    warnings: list[str]
    model_revision: Annotated[str | None, Field(description="The same revision, request and seed give the same image.")]


class JobList(BaseModel):
    """A page of jobs, the newest first."""

    object: Literal["list"] = "list"
    data: list[Job]
    next_cursor: Annotated[str | None, Field(description="For the next page; null on the last one.")]
    has_more: bool


BatchStatus: TypeAlias = Literal["queued", "running", "ended"]


class Batch(BaseModel):
    """Jobs that were sent together, at this moment."""

    id: Annotated[str, Field(examples=["batch_06a8n5q2c4v9k7e1m3t5r8b0dg2h4j6s8"])]
    object: Literal["batch"] = "batch"
    status: Annotated[
        BatchStatus, Field(description="`queued` until one of its jobs starts, `ended` when all have ended.")
    ]
    created_at: dt.datetime
    counts: Annotated[dict[JobStatus, int], Field(description="How many of its jobs have each status.")]
    jobs: Annotated[list[Job], Field(description="In the order of the requests, without those no longer kept.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSigner:
    """Signs image links for one answer, on the store's terms."""

    store: ObjectStore
    base_url: str
    expires_seconds: int
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)

    def sign(self, key: str) -> str:
        """Return a link that anyone can follow until it expires."""
        return self.store.presigned_url(key, expires_seconds=self.expires_seconds, base_url=self.base_url)

    def image(self, stored: StoredImage) -> JobImage:
        """Show a stored image without its key."""
        expires_at = self.now().replace(microsecond=0) + dt.timedelta(seconds=self.expires_seconds)
        return JobImage(url=self.sign(stored.key), url_expires_at=expires_at, **stored.model_dump(exclude={"key"}))


def accepted_request(message: JobMessage) -> AcceptedRequest:
    """Show a request as it is drawn."""
    fields = asdict(message.request)
    image, mask = fields.pop("image"), fields.pop("mask")
    return AcceptedRequest(
        **fields,
        image_sha256=_digest(image),
        mask_sha256=_digest(mask),
        output_format=message.output_format,
        output_compression=message.output_compression,
    )


def job_answer(record: JobRecord, links: LinkSigner, estimate: Estimate | None = None) -> Job:
    """Show a record to its owner."""
    message, outcome = record.message, record.outcome
    return Job(
        **record.model_dump(exclude={"message", "outcome", "progress"}),
        model=message.model,
        request=accepted_request(message),
        estimate=estimate,
        progress=record.progress if record.status is JobStatus.RUNNING else None,
        timings=outcome.timings if outcome else None,
        images=[links.image(stored) for stored in outcome.images] if outcome else [],
        error=outcome.error if outcome else None,
        warnings=list(outcome.warnings) if outcome else [],
        model_revision=outcome.model_revision or None if outcome else None,
    )


def _digest(key: str | None) -> str | None:
    """Take the digest out of an input's key, which itself is nobody's business."""
    return PurePosixPath(key).stem if key else None
