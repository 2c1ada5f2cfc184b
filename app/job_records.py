"""The form of a job in Redis: its id, its queue, the fields of its hash, and the record that they amount to.

The hash is RQ's, made by RQ's own `Job`, plus fields of ours: `model`, `tenant`, `batch_key`, `cost`,
`num_images` (what a worker chooses by), `batch` (the id of the request that made it with others), `kind` (what its
time depends on), `metadata`, `queued_at`, `deadline_at` and `place` (written by `submit.lua`), `attempts`, `deaths`,
`progress`, `previews` and `outcome` (written by the worker's scripts), `previews_until` (by `look.lua`).
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import secrets
import zlib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from rq.job import JobStatus as RQStatus
from rq.utils import now, utcformat, utcparse

from app.estimates import Line, Pace, Waiting
from app.job_events import Glimpse
from app.messages import MESSAGE_VERSION, RENDER_TASK, JobMessage, JobRecord, JobStatus, Outcome, Priority, Progress

PRIORITIES: tuple[Priority, ...] = ("high", "normal", "low")

_STATUS_OF_RQ = {
    RQStatus.STARTED: JobStatus.RUNNING,
    RQStatus.FINISHED: JobStatus.SUCCEEDED,
    RQStatus.FAILED: JobStatus.FAILED,
    RQStatus.CANCELED: JobStatus.CANCELED,
    RQStatus.STOPPED: JobStatus.CANCELED,
}  # all others still wait: queued, deferred, scheduled, rate-limited, ready


def new_job_id(unix_seconds: float) -> str:
    """Make an id that sorts by time (to the millisecond) and that nobody can guess (128 random bits)."""
    raw = int(unix_seconds * 1000).to_bytes(6, "big") + secrets.token_bytes(16)
    return "job_" + base64.b32hexencode(raw).decode().rstrip("=").lower()  # this alphabet keeps the order


def new_batch_id(unix_seconds: float) -> str:
    """Make an id of the same kind for jobs that are sent together."""
    return new_job_id(unix_seconds).replace("job_", "batch_", 1)


def new_file_id(unix_seconds: float) -> str:
    """Make an id of the same kind for a picture that a client uploads."""
    return new_job_id(unix_seconds).replace("job_", "file_", 1)


def queue_name(model: str, priority: Priority) -> str:
    """Name the RQ queue of a model and priority; `layout.lua` knows the same names."""
    return model if priority == "normal" else f"{model}:{priority}"


def priority_of(queue: str) -> Priority:
    """Tell the priority that a queue's name stands for."""
    return next((one for one in PRIORITIES if queue.endswith(f":{one}")), "normal")


def rq_statuses(status: JobStatus) -> list[str]:
    """Return RQ's words for a status."""
    return [word.value for word in RQStatus if _STATUS_OF_RQ.get(word, JobStatus.QUEUED) is status]


def read_message(data: bytes) -> JobMessage:
    """Take the message out of RQ's `data` field.

    Raises:
        ValueError: it is not a job for our task, or not one that this release can draw; the text shows nothing of it.
    """
    try:
        name, _, args, kwargs = json.loads(zlib.decompress(data))
        message = kwargs["message"] if kwargs else args[0]
    except (zlib.error, LookupError, TypeError, ValueError) as error:
        raise ValueError("not a call of one function with one message") from error
    if name != RENDER_TASK:
        raise ValueError(f"{name!r} is not a task of this service")
    try:
        return JobMessage.model_validate(message)
    except ValidationError as error:
        places = (".".join(map(str, mistake["loc"])) for mistake in error.errors())
        raise ValueError(
            f"this release, of message version {MESSAGE_VERSION}, cannot read {', '.join(places)}"
        ) from None


def read_record(job_id: str, fields: Mapping[bytes, bytes], position: int | None = None) -> JobRecord:
    """Read a job's hash.

    Raises:
        ValueError: it is not a job of ours.
    """
    status = _STATUS_OF_RQ.get(RQStatus(fields[b"status"].decode()), JobStatus.QUEUED)
    finished_at = _time(fields.get(b"ended_at")) if status.is_final else None
    kept = dt.timedelta(seconds=int(fields.get(b"result_ttl") or 0))
    outcome = fields.get(b"outcome")
    return JobRecord(
        id=job_id,
        status=status,
        message=read_message(fields[b"data"]),
        priority=priority_of(fields.get(b"origin", b"").decode()),
        metadata=json.loads(fields.get(b"metadata") or "{}"),
        deadline_at=_unix_time(fields.get(b"deadline_at")),
        created_at=utcparse(fields[b"created_at"].decode()),
        started_at=_time(fields.get(b"started_at")) if status is not JobStatus.QUEUED else None,
        finished_at=finished_at,
        expires_at=finished_at + kept if finished_at and kept else None,
        position=position if status is JobStatus.QUEUED else None,
        attempts=int(fields.get(b"attempts") or 0),
        progress=_progress(fields.get(b"progress")),
        outcome=Outcome.model_validate_json(outcome) if outcome else None,
    )


def read_glimpse(status_of_rq: str, ahead: int, progress: str, previews: int) -> Glimpse:
    """Read what `look.lua` tells of a job."""
    status = _STATUS_OF_RQ.get(RQStatus(status_of_rq), JobStatus.QUEUED)
    if status.is_final:
        return Glimpse("ended")
    if status is JobStatus.QUEUED:
        return Glimpse("queued", position=max(ahead, 0), previews=previews)
    if known := _progress(progress.encode()):
        return Glimpse("running", step=known.step, num_steps=known.num_steps, previews=previews)
    return Glimpse("running", previews=previews)


def read_line(seen: Mapping[str, Any], *, busy_workers: int) -> Line:
    """Read what `line.lua` tells of a model."""
    return Line(
        waiting=[Waiting(*job) for job in seen["first"]],
        num_waiting=seen["waiting"],
        busy_workers=busy_workers,
        paces={kind: Pace(*pace) for kind, pace in dict(seen["paces"]).items()},
    )


def timestamp() -> str:
    """Write this moment as RQ does."""
    return utcformat(now())


def _time(text: bytes | None) -> dt.datetime | None:
    return utcparse(text.decode()) if text else None


def _unix_time(text: bytes | None) -> dt.datetime | None:
    return dt.datetime.fromtimestamp(float(text), dt.UTC) if text else None


def _progress(text: bytes | None) -> Progress | None:
    if not text:
        return None
    step, num_steps = text.split(b"/")
    return Progress(step=int(step), num_steps=int(num_steps))
