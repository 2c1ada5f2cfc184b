"""Runs one batch: rows to the generator, images and failures to finishing, what remains back to the queue."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence

import structlog
from redis.exceptions import RedisError
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

from app.admission import cost
from app.messages import JobStatus
from app.tracing import link_to, tracer
from models.interface import ImageGenerator, Row
from workers.batching import BatchCaps, rows_at_once
from workers.claimed_job import ClaimedJob
from workers.claims import Claims
from workers.collecting import BatchCollector
from workers.failures import DeviceLost, ModelNotLoaded, SplitCause
from workers.feeds import BatchFeed
from workers.finishing import Finishing
from workers.inputs import InputFetcher
from workers.leases import Lease
from workers.metrics import WorkerMetrics
from workers.paces import PaceMeter
from workers.rendering import draw
from workers.served_models import ServedModels

log = structlog.get_logger()

HANG_GRACE_SECONDS = 30.0  # past the time limit, for a generator that does not hear of it


class BatchRunner:
    """Draws the batches of one worker with its models."""

    def __init__(
        self,
        models: ServedModels,
        announce_changes: Callable[[], None],
        claims: Claims,
        lease: Lease,
        collector: BatchCollector,
        finishing: Finishing,
        inputs: InputFetcher,
        caps: BatchCaps,
        timeout_seconds: int,
        stopping: Callable[[], bool],
        metrics: WorkerMetrics,
        paces: PaceMeter,
    ) -> None:
        self._models = models
        self._announce_changes = announce_changes
        self._claims = claims
        self._lease = lease
        self._collector = collector
        self._finishing = finishing
        self._inputs = inputs
        self._caps = caps
        self._timeout_seconds = timeout_seconds
        self._stopping = stopping
        self._metrics = metrics
        self._paces = paces

    def run(self, jobs: Sequence[ClaimedJob]) -> None:
        """Draw a batch; each of its jobs ends, or goes back to the queue.

        Raises:
            Exception: this process should draw nothing more; the batch is back in the queue.
        """
        model, batch_key = jobs[0].model, jobs[0].batch_key
        generator = self._open(jobs)
        if generator is None:
            return
        most, max_rows = generator.capabilities.max_batch_size, self._rows_at_once(jobs[0])
        started = time.monotonic()
        suspect = any(job.deaths for job in jobs)
        admit_until = started + self._timeout_seconds / 2  # the time limit is the whole batch's

        def generate(rows: Sequence[Row], feed: BatchFeed) -> None:
            self._generate(model, generator, rows, feed)
            self._caps.succeeded(batch_key, len(rows), most)

        def admit(room: int) -> Sequence[ClaimedJob]:
            room -= most - max_rows
            late = time.monotonic() > admit_until or self._stopping()
            if room <= 0 or suspect or late or self._finishing.is_behind(most):
                return ()
            return self._begun(self._collector.admit(batch_key, room), generator)

        def on_split(cause: SplitCause, num_rows: int) -> None:
            self._metrics.batch_split(model, cause)
            if cause == "out_of_memory":
                self._caps.ran_out_of_memory(batch_key, num_rows)

        feed = BatchFeed(model, self._finishing, admit, self._metrics, self._paces)
        try:
            with tracer.start_as_current_span("batch", attributes={"easel.model": model}):
                rows = feed.add(self._begun(jobs, generator))
                draw(generate, rows, feed, max_rows, on_split)
        except JobTimeoutException:
            self._give_back(feed, "timeout")
        except Exception as error:
            self._give_back(feed, "device_lost" if isinstance(error, DeviceLost) else "internal_error")
            raise
        finally:
            if not generator.capabilities.admits:  # else who comes back may join the next batch while it runs
                self._collector.batch_ended(num_jobs=len(feed.jobs), seconds=time.monotonic() - started)
            self._settle_dropped(feed)

    def _open(self, jobs: Sequence[ClaimedJob]) -> ImageGenerator | None:
        """Return the generator of a batch, loaded; None if it cannot be, which ends the batch."""
        try:
            with self._watched():
                return self._models.open(jobs[0].model)
        except ModelNotLoaded as error:
            if not self._models:
                raise  # there is nothing left that this process could draw
            for job in jobs:
                self._finishing.begin(job, batch_size=len(jobs), model_revision="")
                self._finishing.fail(job, error)
            return None
        finally:
            self._announce_changes()

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """End the process should this take far longer than a batch may."""
        self._lease.hangs_at = time.monotonic() + self._timeout_seconds + HANG_GRACE_SECONDS
        try:
            yield
        finally:
            self._lease.hangs_at = math.inf

    def _rows_at_once(self, job: ClaimedJob) -> int:
        request = job.message.request
        return rows_at_once(
            self._models.max_batch_size(job.model),
            cap=self._caps.limits.get(job.batch_key),
            max_cost=self._models.max_cost(job.model) or math.inf,
            cost_per_row=cost(request) / request.num_images,
        )

    def _begun(self, jobs: Sequence[ClaimedJob], generator: ImageGenerator) -> Sequence[ClaimedJob]:
        num_rows = sum(job.message.request.num_images for job in jobs)
        is_full = num_rows >= generator.capabilities.max_batch_size
        for job in jobs:
            job.model_revision = generator.revision
            link_to(job.message.traceparent)
            self._finishing.begin(job, batch_size=num_rows, is_batch_full=is_full, model_revision=generator.revision)
        return self._inputs.fetch(jobs, self._finishing.fail)

    def _generate(self, model: str, generator: ImageGenerator, rows: Sequence[Row], feed: BatchFeed) -> None:
        started = time.monotonic()
        self._paces.started(rows)
        self._finishing.go_on()
        try:
            with self._watched(), UnixSignalDeathPenalty(self._timeout_seconds, JobTimeoutException):
                generator.generate(rows, feed)
        finally:
            self._paces.ended()
            self._metrics.batch_generated(model, time.monotonic() - started)

    def _give_back(self, feed: BatchFeed, cause: str) -> None:
        """Queue the jobs that are not drawn yet again, each to run alone, for one of them may be the cause."""
        jobs = [job for job in feed.jobs.values() if feed.unfinished(job.rows)]
        log.warning("batch_given_back", jobs=[job.id for job in jobs], cause=cause)
        for job in jobs:
            self._finishing.forget(job)
            self._metrics.job_retried(job.model, cause)
        with contextlib.suppress(RedisError):  # then the next renewal of the lease does it
            self._claims.release(jobs, suspect=True)
        for job in jobs:
            self._lease.let_go(job)

    def _settle_dropped(self, feed: BatchFeed) -> None:
        """Forget the jobs that were canceled or lost on the way."""
        for job in feed.jobs.values():
            if job.dropped not in {"stopped", "lost"}:
                continue
            self._finishing.forget(job)
            if job.dropped == "stopped":
                self._record_stop(job)
            self._lease.let_go(job)

    def _record_stop(self, job: ClaimedJob) -> None:
        """Cancel a job that RQ's `stop-job` stopped; the gateway's cancellations are on record already."""
        with contextlib.suppress(RedisError):
            if self._claims.cancel(job):
                seconds = job.waited_seconds + time.monotonic() - job.claimed_at
                self._metrics.job_finished(job.model, JobStatus.CANCELED, "stopped", seconds=seconds)
