"""What clients are told of how long it takes: in a job, in Retry-After, and before there is a job."""

import time

import httpx
import pytest

from app.forecasts import REMEMBERED_SECONDS

BODY = {"prompt": "a red fox", "size": "128x64", "num_inference_steps": 10}


@pytest.fixture
def http(serve, settings, worker):
    """A client of a gateway of its own, which remembers nothing of other tests, with room for five jobs."""
    worker.learn("128x64/10", 40.0)
    with serve(settings.model_copy(update={"max_queue_length": 5})) as server, httpx.Client(base_url=server.url) as one:
        yield one


def test_a_job_tells_when_it_will_start_and_end(http):
    """Both with an even chance and with nine in ten; Retry-After says when it is worth looking again."""
    response = http.post("/v1/jobs", json=BODY)
    estimate = response.json()["estimate"]
    assert estimate["seconds_to_start"]["p50"] < 1
    assert estimate["seconds_to_finish"]["p50"] == pytest.approx(40, abs=1)
    assert estimate["seconds_to_finish"]["p90"] > estimate["seconds_to_finish"]["p50"]
    assert response.headers["retry-after"] == "41"
    read = http.get(response.headers["location"])
    assert (read.json()["estimate"], read.headers["retry-after"]) == (estimate, "41")


def test_an_ended_job_tells_nothing_of_the_future(http, worker):
    """Nobody needs to look again."""
    address = http.post("/v1/jobs", json=BODY).headers["location"]
    worker.draw()
    ended = http.get(address)
    assert (ended.json()["estimate"], "retry-after" in ended.headers) == (None, False)


def test_a_full_queue_says_when_there_will_be_room(http):
    """After a tenth of what waits, which is one batch of five images, at measured speed."""
    for _ in range(5):
        assert http.post("/v1/jobs", json=BODY).status_code == 202
    time.sleep(REMEMBERED_SECONDS)
    refused = http.post("/v1/jobs", json=BODY)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "12")


def test_a_dry_run_makes_no_job(http):
    """It tells the complete request, its cost and its time, and nothing is queued."""
    response = http.post("/v1/jobs?dry_run=true", json=BODY | {"num_images": 2, "seed": 7})
    dry = response.json()
    assert (response.status_code, dry["object"], dry["cost"]) == (200, "job.estimate", 2 * 128 * 64 * 10)
    assert (dry["model"], dry["request"]["seed"], dry["request"]["guidance_scale"]) == ("card", 7, 7.5)
    assert dry["estimate"]["seconds_to_finish"]["p50"] == pytest.approx(40, abs=1)
    assert http.get("/v1/jobs").json()["data"] == []


@pytest.mark.parametrize(
    ("body", "headers", "param"),
    [({"size": "7x7"}, {}, "size"), ({"steps": 3}, {}, "steps"), ({}, {"Idempotency-Key": "k"}, "Idempotency-Key")],
)
def test_a_dry_run_is_refused_as_a_job_would_be(http, body, headers, param):
    """What it checks is what a submission checks; a name for no job is refused too."""
    response = http.post("/v1/jobs?dry_run=true", json=BODY | body, headers=headers)
    assert (response.status_code, response.json()["param"]) == (400, param)
