"""What a worker measures: where the time of a job goes, how full its batches are, what went wrong."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, start_http_server
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from app.messages import JobStatus
from app.metrics import LONG_SECONDS, SHORT_SECONDS, build_info, finished_jobs_counter

BATCH_SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


class WorkerMetrics:
    """A worker's counters and histograms, each by model; no label ever holds an id or a prompt."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._measure_jobs()
        self._measure_batches()
        self._measure_images()
        self._measure_models()
        self._measure_faults()

    def job_started(self, model: str, wait_seconds: float) -> None:
        """Record a claim: the time from acceptance until a worker took the job."""
        self._wait_seconds.labels(model).observe(wait_seconds)

    def job_finished(self, model: str, outcome: JobStatus, cause: str = "", *, seconds: float) -> None:
        """Record a committed outcome, `seconds` after acceptance; `cause` is the error code, if it failed."""
        self._finished.labels(model, outcome.value, cause).inc()
        self._job_seconds.labels(model).observe(seconds)

    def batch_collected(self, model: str, *, num_images: int, seconds: float) -> None:
        """Record a batch about to run and how long it was held open for company."""
        self._batch_size.labels(model).observe(num_images)
        self._collect_seconds.labels(model).observe(seconds)

    def batch_generated(self, model: str, seconds: float) -> None:
        """Record one run of the generator."""
        self._generation_seconds.labels(model).observe(seconds)

    def batch_split(self, model: str, cause: str) -> None:
        """Count a batch that failed and is drawn again in halves; `cause` is `out_of_memory` or `error`."""
        self._splits.labels(model, cause).inc()

    def steps_done(self, model: str, num_steps: int = 1) -> None:
        """Count steps of single images: one step of a batch of eight is eight."""
        self._steps.labels(model).inc(num_steps)

    def rows_admitted(self, model: str, num_rows: int) -> None:
        """Count images that joined a batch already running."""
        self._admissions.labels(model).inc(num_rows)

    def image_encoded(self, model: str, seconds: float) -> None:
        """Record how long it took to encode and mark an image."""
        self._encode_seconds.labels(model).observe(seconds)

    def image_stored(self, model: str, *, width: int, height: int, upload_seconds: float) -> None:
        """Record an image that is safely in storage."""
        self._images.labels(model).inc()
        self._pixels.labels(model).inc(width * height)
        self._upload_seconds.labels(model).observe(upload_seconds)

    def upload_retried(self, model: str) -> None:
        """Count another attempt to store an image."""
        self._upload_retries.labels(model).inc()

    def spooled(self, *, num_images: int, num_bytes: int) -> None:
        """State how much waits on disk for storage to come back."""
        self._spooled_images.set(num_images)
        self._spooled_bytes.set(num_bytes)

    def image_restored(self, model: str) -> None:
        """Count an image that was not drawn again, because the spool still had it."""
        self._restored.labels(model).inc()

    def model_loaded(self, model: str, *, seconds: float, memory_bytes: int) -> None:
        """State how long the model took to load and what it occupies on its device."""
        self._loads.labels(model).inc()
        self._load_seconds.labels(model).set(seconds)
        self._memory_bytes.labels(model).set(memory_bytes)

    def model_unloaded(self, model: str) -> None:
        """Count a model that had to make room, or is no longer served."""
        self._unloads.labels(model).inc()
        self._memory_bytes.labels(model).set(0)

    def model_load_failed(self, model: str) -> None:
        """Count a model that could not be loaded."""
        self._load_failures.labels(model).inc()

    def job_retried(self, model: str, cause: str) -> None:
        """Count a job that went back to the queue; `cause` is an error code, `worker_lost` or `drained`."""
        self._retries.labels(model, cause).inc()

    def lease_lost(self) -> None:
        """Count a lease that ran out while this worker still lived."""
        self._leases_lost.inc()

    def commit_fenced(self, model: str) -> None:
        """Count a result dropped because the job was no longer this worker's."""
        self._fenced.labels(model).inc()

    def render(self) -> bytes:
        """Write the page of this worker alone."""
        return generate_latest(self.registry)

    def serve(self, host: str, port: int) -> int:
        """Answer scrapes in a daemon thread of this process and return the port, chosen if 0.

        Raises:
            OSError: the address is taken.
        """
        self.registry.register(_BuildInfo())
        server, _ = start_http_server(port, host, self.registry)
        return server.server_port

    def _measure_jobs(self) -> None:
        self._finished = finished_jobs_counter(self.registry)
        self._wait_seconds = self._histogram("easel_job_wait_seconds", "Time from acceptance to claim.", LONG_SECONDS)
        self._job_seconds = self._histogram(
            "easel_job_seconds", "Time from acceptance to the committed outcome.", LONG_SECONDS
        )

    def _measure_batches(self) -> None:
        self._batch_size = self._histogram("easel_batch_size_images", "Images in a batch as it starts.", BATCH_SIZES)
        self._collect_seconds = self._histogram(
            "easel_batch_collect_seconds", "Time that a batch was held open for company.", SHORT_SECONDS
        )
        self._generation_seconds = self._histogram(
            "easel_batch_generation_seconds", "Time that the generator took for a batch.", LONG_SECONDS
        )
        self._splits = self._counter(
            "easel_batch_splits_total", "Failed batches drawn again in halves.", ["model", "cause"]
        )
        self._steps = self._counter("easel_steps_total", "Generation steps of single images.")
        self._admissions = self._counter("easel_admissions_total", "Images that joined a batch already running.")

    def _measure_images(self) -> None:
        self._images = self._counter("easel_images_total", "Images put into storage.")
        self._pixels = self._counter("easel_pixels_total", "Pixels of the images put into storage.")
        self._encode_seconds = self._histogram(
            "easel_image_encode_seconds", "Time to encode and mark an image.", SHORT_SECONDS
        )
        self._upload_seconds = self._histogram(
            "easel_image_upload_seconds", "Time to put an image into storage.", SHORT_SECONDS
        )
        self._upload_retries = self._counter("easel_upload_retries_total", "Further attempts to store an image.")
        self._restored = self._counter(
            "easel_restored_images_total", "Images taken from the spool instead of being drawn again."
        )
        self._spooled_images = self._sum("easel_spooled_images", "Images on disk that wait for storage.")
        self._spooled_bytes = self._sum("easel_spooled_bytes", "Size of the images that wait for storage.")

    def _measure_models(self) -> None:
        self._loads = self._counter("easel_model_loads_total", "Times that the model was loaded.")
        self._unloads = self._counter("easel_model_unloads_total", "Times that the model gave up its memory.")
        self._load_failures = self._counter(
            "easel_model_load_failures_total", "Times that the model could not be loaded."
        )
        self._load_seconds = Gauge(
            "easel_model_load_seconds",
            "Time that the model took to load, with a first picture where it was new.",
            ["model"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self._memory_bytes = Gauge(
            "easel_model_memory_bytes",
            "Memory that the model occupies on its device; 0 while it is not loaded.",
            ["model"],
            registry=self.registry,
            multiprocess_mode="livesum",
        )

    def _measure_faults(self) -> None:
        self._retries = self._counter("easel_job_retries_total", "Jobs put back into the queue.", ["model", "cause"])
        self._leases_lost = self._counter("easel_leases_lost_total", "Leases lost by a living worker.", [])
        self._fenced = self._counter("easel_fenced_commits_total", "Results dropped: the job was another worker's.")

    def _histogram(self, name: str, text: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(name, text, ["model"], buckets=buckets, registry=self.registry)

    def _sum(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry, multiprocess_mode="livesum")

    def _counter(self, name: str, text: str, labels: Sequence[str] = ("model",)) -> Counter:
        return Counter(name, text, labels, registry=self.registry)


class _BuildInfo(Collector):
    def collect(self) -> list[Metric]:
        return [build_info()]
