"""A worker's own metrics page."""

import httpx

from tests.metrics_sample import used_worker_metrics, value


def test_worker_answers_scrapes_on_its_own_port():
    """A worker without a gateway beside it is scraped directly."""
    port = used_worker_metrics().serve("127.0.0.1", 0)
    page = httpx.get(f"http://127.0.0.1:{port}/metrics").content
    assert value(page, "easel_images_total", model="testcard") == 1
    assert value(page, "easel_pixels_total", model="testcard") == 64 * 32
    assert value(page, "easel_build_info") == 1


def test_time_of_a_job_is_told_apart():
    """Wait, collection, generation, encoding, upload and the whole each have their histogram."""
    page = used_worker_metrics().render()
    sums = {
        "easel_job_wait_seconds_sum": 0.03,
        "easel_batch_collect_seconds_sum": 0.02,
        "easel_batch_generation_seconds_sum": 0.7,
        "easel_image_encode_seconds_sum": 0.01,
        "easel_image_upload_seconds_sum": 0.02,
        "easel_job_seconds_sum": 0.9,
    }
    assert {name: value(page, name, model="testcard") for name in sums} == sums
