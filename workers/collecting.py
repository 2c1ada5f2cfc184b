"""Waits for work and claims it: one batch at the moment the generator is free, and more while it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import structlog
from redis.exceptions import RedisError

from workers.batching import BatchCaps
from workers.claimed_job import ClaimedJob
from workers.claims import Claim, Claims, Ending, LeaseLost
from workers.company import Company
from workers.leases import Lease
from workers.metrics import WorkerMetrics
from workers.served_models import Offer, ServedModels

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
        models: ServedModels,
        company: Company,
        refuse: Callable[[Ending], None],
        metrics: WorkerMetrics,
    ) -> None:
        self._claims = claims
        self._lease = lease
        self._caps = caps
        self._models = models
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
                offer = self._models.offer()
                claim = self._claim(offer, max_wait if block else 0.0)
                if claim.jobs or not (block or claim.refused):
                    return claim.jobs
                if claim.ready_in_seconds is None:
                    on_idle()
                self._arrived.wait(returning or self._pause(claim, offer))
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
            offer = self._models.offer()
            with self._lease.lock:
                jobs = self._held(
                    self._claims.admit(
                        offer.max_images, batch_key=batch_key, room=room, later_seconds=offer.later_seconds
                    )
                ).jobs
        except (LeaseLost, RedisError):
            return ()
        self._room_refused = room - sum(job.message.request.num_images for job in jobs)
        self._started(jobs)
        return jobs

    def _claim(self, offer: Offer, max_wait_seconds: float) -> Claim:
        caps = self._caps.limits
        with self._lease.lock:
            claim = self._held(
                self._claims.claim(
                    offer.max_images,
                    max_wait_seconds=max_wait_seconds,
                    max_cost=offer.max_cost,
                    later_seconds=offer.later_seconds,
                    caps=caps,
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

    def _pause(self, claim: Claim, offer: Offer) -> float:
        """Return after how long, if nothing is heard, the next claim may find more than this one."""
        ready_in = _LONGEST_WAIT_SECONDS if claim.ready_in_seconds is None else max(claim.ready_in_seconds, 0.0)
        return min(ready_in, offer.again_in_seconds or _LONGEST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS)
