"""Waits for work and claims it: one batch at the moment the generator is free, and more while it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

import structlog
from redis.exceptions import RedisError

from workers.batching import BatchCaps
from workers.claimed_job import ClaimedJob
from workers.claims import Claim, Claims, Ending, LeaseLost
from workers.company import Company
from workers.leases import Lease
from workers.metrics import WorkerMetrics

log = structlog.get_logger()

WORK_CHANNEL = "easel:work"
_LONGEST_WAIT_SECONDS = 1.0  # for work whose announcement was missed
_UNTIL_FULL_SECONDS = 3600.0
_RECONNECT_SECONDS = 0.3


class BatchCollector:
    """Claims batches for one worker; everything claimed is at once under its lease."""

    def __init__(
        self,
        claims: Claims,
        lease: Lease,
        caps: BatchCaps,
        batch_sizes: Mapping[str, int],
        max_cost: Mapping[str, float],
        company: Company,
        refuse: Callable[[Ending], None],
        metrics: WorkerMetrics,
    ) -> None:
        self._claims = claims
        self._lease = lease
        self._caps = caps
        self._batch_sizes = batch_sizes
        self._max_cost = max_cost
        self._company = company
        self._refuse = refuse
        self._metrics = metrics
        self._arrived = threading.Event()
        self._collecting_since: float | None = None
        self._room_refused = 0  # images for which nobody was found who could join the running batch

    def ring(self) -> None:
        """Say, from any thread or signal, that there is something new to look at."""
        self._arrived.set()

    def hear_of_job(self) -> None:
        """Take note that a job was queued for one of the models served here."""
        self._company.arrived(time.monotonic())
        self._arrived.set()

    def batch_ended(self, *, num_jobs: int, seconds: float) -> None:
        """Take note that the generator is free again: those whose jobs it has drawn may come back."""
        self._company.batch_ended(time.monotonic(), num_jobs=num_jobs, seconds=seconds)

    def next_batch(
        self, *, block: bool, stopped: Callable[[], bool], on_idle: Callable[[], None]
    ) -> Sequence[ClaimedJob]:
        """Return the next batch, or nothing once `stopped`, or, without `block`, when nothing waits."""
        while not stopped():
            self._arrived.clear()
            try:
                returning = self._company.returning_seconds(time.monotonic()) if block else 0.0
                max_wait = _UNTIL_FULL_SECONDS if returning else self._company.seconds
                claim = self._claim(max_wait if block else 0.0)
                if claim.jobs or not (block or claim.refused):
                    return claim.jobs
                if claim.ready_in_seconds is None:
                    on_idle()
                self._arrived.wait(returning or self._pause(claim))
            except LeaseLost:
                time.sleep(_RECONNECT_SECONDS)  # the lease thread registers again
            except RedisError as error:
                log.warning("claim_retried", error=str(error))
                time.sleep(_RECONNECT_SECONDS)
        return ()

    def admit(self, batch_key: str, room: int) -> Sequence[ClaimedJob]:
        """Return jobs that may join the running batch; asked at every step, it asks Redis only after news."""
        if not self._arrived.is_set() and room <= self._room_refused:
            return ()
        self._arrived.clear()
        try:
            with self._lease.lock:
                jobs = self._held(self._claims.admit(self._batch_sizes, batch_key=batch_key, room=room)).jobs
        except (LeaseLost, RedisError):
            return ()
        self._room_refused = room - sum(job.message.request.num_images for job in jobs)
        self._started(jobs)
        return jobs

    def _claim(self, max_wait_seconds: float) -> Claim:
        caps = self._caps.limits
        with self._lease.lock:
            claim = self._held(
                self._claims.claim(
                    self._batch_sizes, max_wait_seconds=max_wait_seconds, max_cost=self._max_cost, caps=caps
                )
            )
        self._room_refused = 0
        if claim.jobs:
            self._collected(claim.jobs)
        elif claim.ready_in_seconds is not None:
            self._collecting_since = self._collecting_since or time.monotonic()
        return claim

    def _held(self, claim: Claim) -> Claim:
        """Put what was claimed under the lease, before anything else can fail."""
        self._lease.hold([*claim.jobs, *(ending.job for ending in claim.refused)])
        for ending in claim.refused:
            self._refuse(ending)
        return claim

    def _collected(self, jobs: Sequence[ClaimedJob]) -> None:
        since, self._collecting_since = self._collecting_since, None
        seconds = time.monotonic() - since if since else 0.0
        num_images = sum(job.message.request.num_images for job in jobs)
        self._metrics.batch_collected(jobs[0].model, num_images=num_images, seconds=seconds)
        self._started(jobs)

    def _started(self, jobs: Sequence[ClaimedJob]) -> None:
        for job in jobs:
            self._metrics.job_started(job.model, job.waited_seconds)

    def _pause(self, claim: Claim) -> float:
        ready_in = claim.ready_in_seconds
        return _LONGEST_WAIT_SECONDS if ready_in is None else min(max(ready_in, 0.0), _LONGEST_WAIT_SECONDS)
