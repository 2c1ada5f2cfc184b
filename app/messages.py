"""What crosses Redis: the job as submitted, its progress and its outcome, as JSON with a version."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.interface import GenerationRequest

MESSAGE_VERSION: Literal[1] = 1
RENDER_TASK = "workers.tasks.render"  # the function's name on the queue: the gateway never imports it

Priority = Literal["high", "normal", "low"]
OutputFormat = Literal["png", "jpeg", "webp"]
CONTENT_TYPES: dict[OutputFormat, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


class JobStatus(enum.StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        """Whether the job will never change again."""
        return self in {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED}


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Report(_Message):
    """From workers, which are upgraded first, to gateways, which pass over what they do not know yet."""

    model_config = ConfigDict(extra="ignore")


class JobMessage(_Message):
    """One job as accepted: the same value in the queue, in the batch and in the job's record.

    A job that asks for something that this release does not know is refused, never drawn without it. The version
    changes only if known fields get another meaning.
    """

    version: Literal[1] = MESSAGE_VERSION
    model: str
    request: GenerationRequest
    output_format: OutputFormat = "png"
    output_compression: Annotated[int, Field(ge=0, le=100)] = 100
    tenant: str = "public"
    traceparent: str | None = None  # of the request's span, as W3C writes it

    def with_input(self, image: str, mask: str | None) -> JobMessage:
        """Return the same job with the storage keys of its input image and mask."""
        return self.model_copy(update={"request": dataclasses.replace(self.request, image=image, mask=mask)})


class StoredImage(_Report):
    """An image that is safely in storage; its URL is signed when somebody reads the job."""

    key: str
    width: int
    height: int
    seed: int
    sha256: str
    bytes: int
    content_type: str


class JobError(_Report):
    """Why a job failed: a stable code and a sentence for people."""

    code: str
    message: str


class Timings(_Report):
    """Where the time of a job went."""

    wait_seconds: float
    generation_seconds: float
    encode_seconds: float
    upload_seconds: float
    batch_size: int


class Outcome(_Report):
    """How a job ended: its images, or its error; written exactly once."""

    images: tuple[StoredImage, ...] = ()
    error: JobError | None = None
    warnings: tuple[str, ...] = ()
    timings: Timings | None = None
    model_revision: str = ""


class Progress(_Report):
    """How far a running job is: `step` of `num_steps`, the slowest of its images."""

    step: int
    num_steps: int


class JobRecord(_Message):
    """A job as the queue knows it at this moment."""

    id: str
    status: JobStatus
    message: JobMessage
    priority: Priority = "normal"
    metadata: dict[str, str] = {}
    created_at: dt.datetime
    deadline_at: dt.datetime | None = None  # it fails if it waits for longer
    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    expires_at: dt.datetime | None = None
    position: int | None = None  # jobs ahead of it, 0 = next; only while queued
    attempts: int = 0
    progress: Progress | None = None
    outcome: Outcome | None = None


class WorkerAnnouncement(_Report):
    """What a live worker says of itself; kept under a key that expires with the worker's lease."""

    worker: str
    models: tuple[str, ...]
    load_seconds: dict[str, float] = {}  # of the models that it serves but has not loaded now
    device: str
    dtype: str
    metrics_port: int | None = None
    details: dict[str, Any] = {}
