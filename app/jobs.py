"""The gateway's side of the queue: submit jobs, and all that can be done with one.

Each call is one script in Redis, so one round trip and all or nothing. With `workers/` this is all that knows RQ.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import redis.asyncio

from app import job_records
from app.job_endings import JobEndings
from app.job_following import JobFollower
from app.job_intake import JobIntake, Repeat, Taken
from app.messages import JobMessage, JobRecord, Priority
from app.new_jobs import JobTerms, NewJob, fingerprint_of
from app.settings import Settings
from app.tenants.tenant import Tenant


class JobQueue(JobFollower, JobEndings):
    """All jobs of the service, as the gateway sees them.

    A `tenant` given to a call hides the jobs of all others. Every call raises `QueueUnavailable` within
    `settings.redis_timeout_seconds` and a little when Redis does not answer.
    """

    def __init__(self, client: redis.asyncio.Redis, settings: Settings) -> None:
        super().__init__(client, settings)
        self._intake = JobIntake(self._calls, settings)

    async def submit(
        self,
        message: JobMessage,
        *,
        batch_key: str,
        cost: float,
        idempotency_key: str | None = None,
        fingerprint: str | None = None,
        priority: Priority = "normal",
        max_open: int | None = None,
        terms: JobTerms | None = None,
        caller: Tenant | None = None,
    ) -> JobRecord:
        """Queue a job, or find the one that the idempotency key already made.

        Args:
            message: What to draw, for whom.
            batch_key: Jobs of one model that share it may be drawn together.
            cost: Its weight when tenants share the workers, such as pixels times images times steps.
            idempotency_key: The client's own; the same key and body give the same job while it is kept.
            fingerprint: What must agree for a key to be used again; by default the message without its seed.
            priority: Jobs of a higher priority go first.
            max_open: How many jobs of this tenant may wait or run at once; by default the service's own setting.
            terms: What else the client asks for.
            caller: Whose key's rates and budget the job is charged to; is told how the rates stand.

        Raises:
            RateLimited, BudgetSpent, QueueFull, IdempotencyKeyReused, JobGone, QueueUnavailable: as `JobIntake.take`.
        """
        job = NewJob(
            id=job_records.new_job_id(time.time()),
            message=message,
            batch_key=batch_key,
            cost=cost,
            priority=priority,
            terms=terms or JobTerms(),
        )
        repeat = (
            Repeat(idempotency_key=idempotency_key, fingerprint=fingerprint or fingerprint_of(message))
            if idempotency_key
            else None
        )
        taken = await self._intake.take([job], tenant=message.tenant, repeat=repeat, max_open=max_open, caller=caller)
        return taken.first or await self.get(taken.id)

    async def submit_batch(self, jobs: Sequence[NewJob], *, caller: Tenant, repeat: Repeat | None = None) -> Taken:
        """Queue all jobs of a batch or none, or find the batch that the idempotency key already made.

        Raises:
            RateLimited, BudgetSpent, QueueFull, IdempotencyKeyReused, JobGone, QueueUnavailable: as `JobIntake.take`.
        """
        bound = caller.limits.max_open_jobs
        return await self._intake.take(jobs, tenant=caller.name, repeat=repeat, max_open=bound, caller=caller)
