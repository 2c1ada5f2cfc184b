"""A job before it is queued: what goes with it, and the hash that it becomes in Redis."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rq.job import Job
from rq.job import JobStatus as RQStatus
from rq.serializers import JSONSerializer
from rq.utils import now

from app.estimates import full_batch_key, kind_of
from app.job_records import queue_name
from app.messages import RENDER_TASK, JobMessage, Priority

_NO_CONNECTION: Any = object()  # RQ's Job insists on a connection; laying out a hash never uses it


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """Whom to tell of the job's end, and with which address the links in that begin."""

    url: str
    base_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTerms:
    """What a client asks for beside the picture: until when, how long it is kept, and the client's own notes on it.

    A job that does not start within `deadline_seconds` fails. `retention_seconds` None: the service's default.
    """

    deadline_seconds: int | None = None
    retention_seconds: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    webhook: WebhookTarget | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to be queued; see `JobQueue.submit`."""

    id: str
    message: JobMessage
    batch_key: str
    cost: float
    priority: Priority = "normal"
    terms: JobTerms = JobTerms()
    batch: str | None = None  # the id of the batch that it was sent with

    @property
    def queue(self) -> str:
        """The RQ queue in which it will wait."""
        return queue_name(self.message.model, self.priority)

    def ask(self) -> dict[str, Any]:
        """Return what `submit.lua` needs to know of it."""
        ask = {"id": self.id, "model": self.message.model, "queue": self.queue, "cost": self.cost}
        return ask | ({"deadline_seconds": seconds} if (seconds := self.terms.deadline_seconds) is not None else {})

    def fields(self, *, timeout: int, default_retention: int) -> dict[str, Any]:
        """Lay out its hash; `timeout` and `default_retention` in seconds."""
        retention = self.terms.retention_seconds or default_retention
        job = Job.create(
            RENDER_TASK,
            kwargs={"message": self.message.model_dump(mode="json", exclude_none=True)},  # older workers know the rest
            connection=_NO_CONNECTION,
            id=self.id,
            origin=self.queue,
            description=f"draw with {self.message.model}",  # RQ's default would show the prompt in logs and dashboards
            timeout=timeout,
            result_ttl=retention,
            failure_ttl=retention,
            status=RQStatus.QUEUED,
            serializer=JSONSerializer,
        )
        job.enqueued_at = now()
        return job.to_dict() | self._our_fields()

    def _our_fields(self) -> dict[str, Any]:
        metadata = {"metadata": json.dumps(dict(self.terms.metadata))} if self.terms.metadata else {}
        webhook = {"webhook": json.dumps(asdict(self.terms.webhook))} if self.terms.webhook else {}
        batch = {"batch": self.batch} if self.batch else {}
        return (
            metadata
            | webhook
            | batch
            | {
                "status": RQStatus.QUEUED.value,
                "model": self.message.model,
                "tenant": self.message.tenant,
                "batch_key": full_batch_key(self.message.model, self.batch_key),
                "cost": self.cost,
                "num_images": self.message.request.num_images,
                "kind": kind_of(self.message.request),
            }
        )


def fingerprint_of(message: JobMessage) -> str:
    """Digest what the client asked for; the seed is left out, it may have been chosen for the client."""
    request = message.model_dump(mode="json", exclude={"request": {"seed"}})
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def idempotency_name(tenant: str, key: str) -> str:
    """Name the Redis key of a client's idempotency key; tenants do not share theirs."""
    return f"easel:key:{tenant}:{hashlib.sha256(key.encode()).hexdigest()}"
