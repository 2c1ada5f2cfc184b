"""Keeps a worker alive in Redis while its generator runs, and ends the process when the generator hangs.

A thread renews the lease, carries progress out and word of cancellations in, and queues dead workers' jobs again.
The lease is the time to live of RQ's own hash for the worker. It must be longer than any stall in which no other
thread runs, so models are loaded, and all packages that this takes imported, before the worker registers. Loading one
again between batches lets this thread run.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence

import structlog
from redis.exceptions import RedisError

from workers.claimed_job import ClaimedJob
from workers.claims import Claims
from workers.metrics import WorkerMetrics
from workers.paces import PaceMeter

log = structlog.get_logger()

RENEWALS_PER_LEASE = 3
_REAPS_PER_LEASE = 6  # by each worker: a job whose worker died waits for the lease, and a sixth of it, at most
_LEARN_SECONDS = 1.0  # between two lots of measured speeds
_TICK_SECONDS = 0.1  # how fresh progress is


class Lease:
    """A thread that renews the lease of all jobs in hand."""

    def __init__(
        self,
        claims: Claims,
        models: Iterable[str],
        lease_seconds: float,
        register_again: Callable[[], None],
        metrics: WorkerMetrics,
        paces: PaceMeter,
    ) -> None:
        self.lock = threading.RLock()  # claim and renewal exclude each other: what Redis says we have is known here
        self._changed = threading.Condition(self.lock)
        self.hangs_at = math.inf  # time.monotonic() after which the process ends itself
        self.stops_at = math.inf  # time.monotonic() after which a stopping process gives everything back
        self._claims = claims
        self._models = models
        self._seconds = lease_seconds
        self._register_again = register_again
        self._metrics = metrics
        self._paces = paces
        self._jobs: dict[str, ClaimedJob] = {}
        self._renew_at = 0.0
        self._reap_at = 0.0
        self._learn_at = 0.0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def start(self) -> None:
        """Renew once, now, and then from the thread."""
        self._renew()
        self._thread.start()

    def close(self) -> None:
        """End the thread; the lease runs out by itself or with the worker's registration."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    def hold(self, jobs: Sequence[ClaimedJob]) -> None:
        """Take care of jobs just claimed; call it under the lock that was held while claiming."""
        self._jobs.update((job.execution, job) for job in jobs)

    def let_go(self, job: ClaimedJob) -> None:
        """Stop taking care of a job that has ended or was given back."""
        with self._changed:
            self._jobs.pop(job.execution, None)
            self._changed.notify_all()

    def wait_until_alone(self, jobs: Sequence[ClaimedJob], stopped: Callable[[], bool]) -> None:
        """Block until a death of this process could be blamed on no others."""
        with self._changed:
            while sum(not job.is_spared for job in self._jobs.values()) > len(jobs) and not stopped():
                self._changed.wait(_TICK_SECONDS)

    @property
    def jobs(self) -> list[ClaimedJob]:
        """The jobs in hand."""
        with self.lock:
            return list(self._jobs.values())

    def stop_job(self, job_id: str) -> None:
        """Drop a job in hand that was canceled."""
        for job in self.jobs:
            if job.id == job_id:
                job.dropped = job.dropped or "stopped"

    def _run(self) -> None:
        while not self._closed.wait(_TICK_SECONDS):
            self._watch_the_clock()
            try:
                if time.monotonic() >= self._renew_at or any(job.has_news for job in self.jobs):
                    self._renew()
                if time.monotonic() >= self._reap_at:
                    self._reap()
                self._learn()
            except RedisError as error:
                # After an outage every lease may have run out at once: let the living renew theirs first.
                self._reap_at = time.monotonic() + self._seconds
                log.warning("lease_not_renewed", error=str(error))

    def _watch_the_clock(self) -> None:
        if time.monotonic() > self.hangs_at:
            log.critical("generator_hangs", jobs=[job.id for job in self.jobs])
            os.kill(os.getpid(), signal.SIGKILL)  # it may be deaf to anything less
        if time.monotonic() > self.stops_at > 0:
            self.stops_at = 0.0
            os.kill(os.getpid(), signal.SIGTERM)

    def _renew(self) -> None:
        with self.lock:
            jobs = list(self._jobs.values())
            alive, ours = self._claims.renew(self._seconds, jobs)
        self._renew_at = time.monotonic() + self._seconds / RENEWALS_PER_LEASE
        self._claims.spare([job for job in jobs if job.is_drawn and not job.is_spared])
        for job, mine in zip(jobs, ours, strict=True):
            if not mine:
                job.dropped = job.dropped or "lost"
        if not alive:
            self._metrics.lease_lost()
            log.warning("lease_lost", jobs=[job.id for job in jobs])
            self._register_again()

    def _learn(self) -> None:
        """Pass on how fast images were drawn, for everybody's estimates; what an outage swallows is no loss."""
        if time.monotonic() > self._learn_at and (samples := self._paces.take()):
            self._learn_at = time.monotonic() + _LEARN_SECONDS
            self._claims.learn(samples)

    def _reap(self) -> None:
        self._reap_at = time.monotonic() + self._seconds / _REAPS_PER_LEASE
        for job_id, model in self._claims.reap(self._models):
            self._metrics.job_retried(model, "worker_lost")
            log.warning("job_reaped", job_id=job_id, model=model)
