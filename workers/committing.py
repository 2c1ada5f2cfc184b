"""Commits outcomes in a thread of its own: all that are ready at one moment in one step, however long Redis is away."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

import structlog
from redis.exceptions import RedisError

from app.messages import JobStatus
from workers.claimed_job import ClaimedJob
from workers.claims import Claims, CommitAnswer, Ending
from workers.failures import trace_of
from workers.metrics import WorkerMetrics
from workers.tracing import record_job

log = structlog.get_logger()

_RETRY_SECONDS = 0.3


class Committer:
    """Takes endings from any thread, commits them, and tells `on_end` of each job that is over for this worker."""

    def __init__(
        self,
        claims: Claims,
        metrics: WorkerMetrics,
        *,
        end_with_rq: Callable[[Ending], None],
        on_end: Callable[[ClaimedJob], None],
    ) -> None:
        self._claims = claims
        self._metrics = metrics
        self._end_with_rq = end_with_rq
        self._on_end = on_end
        self._ready: queue.SimpleQueue[Ending | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="commit", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def add(self, ending: Ending) -> None:
        """Have an outcome committed soon."""
        self._ready.put(ending)

    def close(self) -> None:
        """Commit what is ready, once more if need be, and end the thread."""
        self._closing.set()
        self._ready.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while (first := self._ready.get()) is not None:
            group = [first]
            while not self._ready.empty():
                if (more := self._ready.get()) is None:
                    self._ready.put(None)
                    break
                group.append(more)
            try:
                self._commit(group)
            except Exception as error:  # noqa: BLE001 - without this thread no job would end any more
                log.critical("commit_failed", jobs=[ending.job.id for ending in group], trace=trace_of(error))
            finally:  # the next renewal gives back what is not committed
                for ending in group:
                    self._on_end(ending.job)

    def _commit(self, group: list[Ending]) -> None:
        while True:
            try:
                answers = self._claims.commit(group)
                break
            except RedisError as error:
                log.warning("commit_retried", jobs=[ending.job.id for ending in group], error=str(error))
                if self._closing.is_set():
                    return  # the lease runs out and another worker draws them
            time.sleep(_RETRY_SECONDS)
        for ending, answer in zip(group, answers, strict=True):
            self._follow_up(ending, answer)

    def _follow_up(self, ending: Ending, answer: CommitAnswer) -> None:
        if answer == "lost":
            self._metrics.commit_fenced(ending.job.model)
            log.warning("commit_fenced", job_id=ending.job.id)
        elif answer != "canceled":
            if answer == "rq":
                self._end_with_rq(ending)
            self._record(ending)

    def _record(self, ending: Ending) -> None:
        job, outcome, timings = ending.job, ending.outcome, ending.outcome.timings
        seconds = job.waited_seconds + time.monotonic() - job.claimed_at
        status = JobStatus.FAILED if outcome.error else JobStatus.SUCCEEDED
        cause = outcome.error.code if outcome.error else ""
        self._metrics.job_finished(job.model, status, cause, seconds=seconds)
        record_job(ending)
        log.info(
            "job_finished",
            job_id=job.id,
            model=job.model,
            status=status.value,
            cause=cause,
            seconds=round(seconds, 4),
            **(timings.model_dump() if timings else {}),
        )
