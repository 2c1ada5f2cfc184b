"""What the gateway measures, and the one page that shows it: counters of its own, the queue read at scrape time.

With `PROMETHEUS_MULTIPROC_DIR` in the environment of the gateway and its workers, as under `easel run`,
each process keeps its numbers in that folder and the gateway's page is the sum over all of them.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from app import __version__
from app.messages import JobStatus

SHARED_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # read by prometheus_client when it is imported
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
UNMATCHED_ROUTE = "unmatched"

SHORT_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
LONG_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelBacklog:
    """What waits for one model at this moment, and how many live workers serve it."""

    queued_jobs: int
    oldest_age_seconds: float
    workers: int


def new_registry() -> CollectorRegistry:
    """Make an empty registry; one for each `GatewayMetrics` or `WorkerMetrics`."""
    disable_created_metrics()  # start times of counters would double the page
    return CollectorRegistry()


def finished_jobs_counter(registry: CollectorRegistry) -> Counter:
    """Make the counter that gateway (cancellations) and workers (everything else) have in common."""
    return Counter(
        "easel_jobs_finished_total",
        "Jobs that reached a final state, by outcome and, if failed, by cause (error code).",
        ["model", "outcome", "cause"],
        registry=registry,
    )


class GatewayMetrics:
    """The gateway's counters and histograms; no label ever holds an id, a prompt or a raw path."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._http_seconds = Histogram(
            "easel_http_request_seconds",
            "Time from request to end of response, by route template.",
            ["route", "method", "status"],
            buckets=SHORT_SECONDS,
            registry=registry,
        )
        self._submitted = Counter(
            "easel_jobs_submitted_total", "Jobs accepted into the queue.", ["model"], registry=registry
        )
        self._refused = Counter(
            "easel_jobs_refused_total",
            "Submissions answered with an error instead of a job, by its code.",
            ["code"],
            registry=registry,
        )
        self._webhooks = Counter(
            "easel_webhook_attempts_total",
            "Attempts to deliver a webhook, by outcome: delivered, failed (tried again) or dead (given up).",
            ["outcome"],
            registry=registry,
        )
        self._finished = finished_jobs_counter(registry)

    def http_request(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request; `route` is the template, or `UNMATCHED_ROUTE` where none fits."""
        known_method = method if method in _METHODS else "other"
        self._http_seconds.labels(route, known_method, str(status)).observe(seconds)

    def job_submitted(self, model: str) -> None:
        """Count a job that was accepted; not again when an idempotency key finds the same job."""
        self._submitted.labels(model).inc()

    def job_refused(self, code: str) -> None:
        """Count a submission that was refused with this error code."""
        self._refused.labels(code).inc()

    def job_finished(self, model: str, outcome: JobStatus, cause: str = "") -> None:
        """Count a job that the gateway itself ended, such as one cancelled while queued."""
        self._finished.labels(model, outcome.value, cause).inc()

    def webhook_attempted(self, outcome: str) -> None:
        """Count an attempt that was delivered, failed or given up for good."""
        self._webhooks.labels(outcome).inc()

    def render(self, backlog: Mapping[str, ModelBacklog] | None) -> bytes:
        """Write the page for one scrape; `backlog` maps model ids, None means that Redis did not answer."""
        page = CollectorRegistry()
        folder = os.environ.get(SHARED_FOLDER_VARIABLE)
        if folder:
            _forget_dead_processes(Path(folder))
        page.register(MultiProcessCollector(None, folder) if folder else self.registry)
        page.register(_ScrapeTimeMetrics(backlog))
        return generate_latest(page)


class _ScrapeTimeMetrics(Collector):
    """Gauges that are true at the moment of the scrape and are kept nowhere."""

    def __init__(self, backlog: Mapping[str, ModelBacklog] | None) -> None:
        self._backlog = backlog

    def collect(self) -> Iterator[Metric]:
        """Yield what a scrape shows."""
        yield build_info()
        yield GaugeMetricFamily("easel_queue_up", "Whether Redis answered this scrape.", self._backlog is not None)
        queued = GaugeMetricFamily("easel_queue_jobs", "Jobs waiting.", labels=["model"])
        age = GaugeMetricFamily(
            "easel_queue_oldest_job_age_seconds", "Age of the job waiting longest.", labels=["model"]
        )
        workers = GaugeMetricFamily("easel_workers", "Live workers that serve the model.", labels=["model"])
        for model, waiting in (self._backlog or {}).items():
            queued.add_metric([model], waiting.queued_jobs)
            age.add_metric([model], waiting.oldest_age_seconds)
            workers.add_metric([model], waiting.workers)
        yield from (queued, age, workers)


def build_info() -> Metric:
    """Name the running version as labels of a gauge that is always 1."""
    info = GaugeMetricFamily("easel_build_info", "Version of Easel and Python.", labels=["version", "python"])
    info.add_metric([__version__, platform.python_version()], 1)
    return info


def _forget_dead_processes(folder: Path) -> None:
    """Drop the live gauges, such as a model's memory, of processes that have ended; what they counted stays."""
    for path in folder.glob("gauge_live*_*.db"):
        pid = int(path.stem.rpartition("_")[2])
        if not _is_alive(pid):
            mark_process_dead(pid, str(folder))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, as another user
        return True
    return True
