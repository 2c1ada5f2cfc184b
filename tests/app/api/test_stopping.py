"""A gateway's start and stop: it sweeps old files; told to stop, it answers everybody who waits and keeps the jobs."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.storage import open_store
from tests.conftest import wait_until

BODY = {"prompt": "a red fox"}


@pytest.fixture
def ask_and_stop(start_gateway, sync_client):
    """A function that asks a gateway and stops it as soon as it waits for a job."""

    def ask(*request, **options):
        http, _, process = start_gateway()
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(http.request, *request, timeout=30, **options)
            wait_until(lambda: dict(sync_client.pubsub_numsub("easel:ended"))[b"easel:ended"] == 1)
            process.terminate()
            return answer.result(10)

    return ask


def test_a_long_poll_is_answered(ask_and_stop, http):
    """Whoever waits for a job learns how it stands; the job stays queued."""
    answer = ask_and_stop("POST", "/v1/jobs", json=BODY, headers={"Prefer": "wait=30"})
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert http.get(f"/v1/jobs/{answer.json()['id']}").json()["status"] == "queued"


def test_images_are_asked_for_again(ask_and_stop, http):
    """The official client comes back at once, to a gateway that goes on; its first job is not drawn in vain."""
    answer = ask_and_stop("POST", "/v1/images/generations", json=BODY)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "job_too_slow", "1")
    assert [job["status"] for job in http.get("/v1/jobs").json()["data"]] == ["canceled"]


def test_a_gateway_sweeps_files_from_its_start(start_gateway, settings):
    """An image that has outlived its job by far ends when a gateway starts."""
    store = open_store(settings)
    store.put("left/0.png", b"x", "image/png")
    path = settings.data_dir / "objects" / "left" / "0.png"
    os.utime(path, (0, 0))
    start_gateway()
    wait_until(lambda: not path.exists())


def test_a_killed_gateway_loses_no_job(start_gateway, http):
    """What one gateway accepted is there for the next, even if the first is killed at once."""
    gateway, _, process = start_gateway()
    job = gateway.post("/v1/jobs", json=BODY).json()
    process.kill()
    process.wait()
    assert http.get(f"/v1/jobs/{job['id']}").json() == job
