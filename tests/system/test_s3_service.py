"""The whole service on S3: what a client is told, what lies in the bucket and what `/metrics` counts agree."""

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from app.provenance import read_provenance
from tests.metrics_sample import value

pytestmark = [pytest.mark.s3, pytest.mark.timeout(240)]

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 90
FORMATS = ("png", "jpeg", "webp")


def environment(settings):
    """Give the variables that make these settings."""
    secret = settings.s3_secret_access_key.get_secret_value()
    return os.environ | {
        "EASEL_STORAGE": "s3",
        "EASEL_S3_BUCKET": settings.s3_bucket,
        "EASEL_S3_ENDPOINT_URL": settings.s3_endpoint_url,
        "EASEL_S3_PATH_STYLE": "true",
        "EASEL_S3_ACCESS_KEY_ID": settings.s3_access_key_id.get_secret_value(),
        "EASEL_S3_SECRET_ACCESS_KEY": secret,
    }


@contextlib.contextmanager
def running(settings, folder):
    """Run `easel run` on S3, with test cards, and give a client for it; Ctrl-C ends it."""
    log, models = folder / "log", folder / "models.toml"
    models.write_text('default = "card"\n[models.card]\nfamily = "testcard"\n')
    command = [sys.executable, "-m", "app", "run", "--port", "0", "--data-dir", str(folder / "data"), "--models"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, str(models)], cwd=ROOT, env=environment(settings), stdout=output, stderr=output
        )
    try:
        with httpx.Client(base_url=ready_address(log), timeout=60) as client:
            yield client
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def ready_address(log):
    """Wait until the service says that it is ready, and where."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if found := re.search(r"ready at (http://\S+)", log.read_text()):
            return found[1]
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def drawn(client, number, output_format):
    """Submit a job and wait for its end."""
    body = {"prompt": f"A red house, number {number}.", "seed": number, "output_format": output_format}
    answer = client.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    job, deadline = answer.json(), time.monotonic() + 60
    while job["status"] not in {"succeeded", "failed", "canceled"} and time.monotonic() < deadline:
        time.sleep(0.1)
        job = client.get(f"/v1/jobs/{job['id']}").json()
    assert job["status"] == "succeeded", job
    return job


def test_client_bucket_and_metrics_agree(s3_server, s3_settings, tmp_path):
    """Each promised image is in the bucket, whole, marked and behind a link of its own; the counters say the same."""
    with running(s3_settings, tmp_path) as client:
        jobs = [drawn(client, number, output_format) for number, output_format in enumerate(FORMATS)]
        images = [image for job in jobs for image in job["images"]]
        page = client.get("/metrics").content
    for seed, image in enumerate(images):
        assert image["url"].startswith(s3_settings.s3_endpoint_url)
        answer = httpx.get(image["url"])
        assert hashlib.sha256(answer.content).hexdigest() == image["sha256"]
        assert answer.headers["content-type"] == image["content_type"]
        assert read_provenance(answer.content).seed == image["seed"] == seed
        assert httpx.get(image["url"].replace("/0-", "/1-")).status_code == 403
    stored = s3_server.client().list_objects_v2(Bucket=s3_settings.s3_bucket)["Contents"]
    assert len(stored) == len(images) == len(FORMATS)
    assert value(page, "easel_jobs_submitted_total") == len(jobs)
    assert value(page, "easel_jobs_finished_total", outcome="succeeded") == len(jobs)
    assert value(page, "easel_images_total") == len(images)


def test_service_outlives_a_frozen_bucket(s3_server, s3_settings, tmp_path):
    """While S3 hangs, the service is not ready and says why; a job submitted meanwhile succeeds after the thaw."""
    with running(s3_settings, tmp_path) as client:
        s3_server.processes["rgw"].send_signal(signal.SIGSTOP)
        try:
            job = client.post("/v1/jobs", json={"prompt": "A blue house.", "seed": 7}).json()
            readiness = client.get("/readyz")
            time.sleep(2)
        finally:
            s3_server.processes["rgw"].send_signal(signal.SIGCONT)
        assert readiness.status_code == 503
        deadline = time.monotonic() + 60
        while client.get(f"/v1/jobs/{job['id']}").json()["status"] in {"queued", "running"}:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert client.get(f"/v1/jobs/{job['id']}").json()["status"] == "succeeded"
        assert client.get("/readyz").status_code == 200
