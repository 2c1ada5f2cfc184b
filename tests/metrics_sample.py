"""Gateway and worker metrics with every family in use, for tests that look at all of them."""

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from app.messages import JobStatus
from app.metrics import GatewayMetrics, ModelBacklog, new_registry
from workers.metrics import WorkerMetrics

BACKLOG = {"testcard": ModelBacklog(queued_jobs=3, oldest_age_seconds=1.5, workers=2)}


def used_gateway_metrics() -> GatewayMetrics:
    """Call every method once."""
    metrics = GatewayMetrics(new_registry())
    metrics.http_request(route="/v1/jobs/{job_id}", method="GET", status=200, seconds=0.004)
    metrics.job_submitted("testcard")
    metrics.job_refused("queue_full")
    metrics.webhook_attempted("failed")
    metrics.job_finished("testcard", JobStatus.CANCELED)
    return metrics


def used_worker_metrics() -> WorkerMetrics:
    """Call every method once."""
    metrics = WorkerMetrics(new_registry())
    metrics.model_loaded("testcard", seconds=2.5, memory_bytes=1000)
    metrics.model_unloaded("testcard")
    metrics.model_load_failed("testcard")
    metrics.job_started("testcard", wait_seconds=0.03)
    metrics.batch_collected("testcard", num_images=4, seconds=0.02)
    metrics.batch_generated("testcard", seconds=0.7)
    metrics.batch_split("testcard", "out_of_memory")
    metrics.rows_admitted("testcard", 2)
    metrics.steps_done("testcard", 8)
    metrics.image_encoded("testcard", 0.01)
    metrics.image_stored("testcard", width=64, height=32, upload_seconds=0.02)
    metrics.upload_retried("testcard")
    metrics.spooled(num_images=3, num_bytes=90_000)
    metrics.image_restored("testcard")
    metrics.job_finished("testcard", JobStatus.FAILED, "storage_unavailable", seconds=0.9)
    metrics.job_retried("testcard", "worker_lost")
    metrics.lease_lost()
    metrics.commit_fenced("testcard")
    return metrics


def families(page: bytes) -> dict[str, Metric]:
    """Read a page as a scraper would: families by the name under which they are documented."""
    read = text_string_to_metric_families(page.decode())
    return {f"{family.name}_total" if family.type == "counter" else family.name: family for family in read}


def all_families() -> dict[str, Metric]:
    """Read both pages."""
    return families(used_gateway_metrics().render(BACKLOG)) | families(used_worker_metrics().render())


def value(page: bytes, sample_name: str, **labels: str) -> float:
    """Find one sample's value."""
    samples = [sample for family in families(page).values() for sample in family.samples]
    return next(s.value for s in samples if s.name == sample_name and labels.items() <= s.labels.items())
