"""The batches door over real HTTP and a real Redis: all jobs of a request, or none."""

import httpx
import pytest

from app.redis_connections import sync_redis
from tests.app.api.pictures import data_url, mask_png

FOXES = {"requests": [{"prompt": "a red fox", "seed": 1}, {"prompt": "a blue fox", "seed": 2, "size": "64x64"}]}
LINES = {"Content-Type": "application/jsonl"}


def submit(http, key=None, **body):
    """Post a batch that is accepted."""
    response = http.post("/v1/batches", json=FOXES | body, headers={"Idempotency-Key": key} if key else {})
    assert response.status_code == 202, response.text
    return response.json()


def statuses(batch):
    """How many jobs have each status that any has."""
    return {status: count for status, count in batch["counts"].items() if count}


def all_jobs(http):
    """Every job that there is."""
    return http.get("/v1/jobs").json()["data"]


def test_a_batch_is_followed_to_its_images(http, worker):
    """Its jobs are the requests, in their order, each with an outcome of its own."""
    batch = submit(http)
    assert (batch["status"], statuses(batch)) == ("queued", {"queued": 2})
    worker.draw()
    assert http.get(f"/v1/batches/{batch['id']}").json()["status"] == "running"
    worker.fail()
    done = http.get(f"/v1/batches/{batch['id']}").json()
    assert done["status"] == "ended"
    assert statuses(done) == {"succeeded": 1, "failed": 1}
    assert [job["request"]["prompt"] for job in done["jobs"]] == ["a red fox", "a blue fox"]
    assert http.get(done["jobs"][0]["images"][0]["url"]).status_code == 200


def test_jobs_of_a_batch_are_jobs_like_any_other(http, counted):
    """They are listed, read by their id and counted."""
    ids = [job["id"] for job in submit(http)["jobs"]]
    assert [job["id"] for job in all_jobs(http)] == sorted(ids, reverse=True)
    assert http.get(f"/v1/jobs/{ids[1]}").json()["request"]["seed"] == 2
    assert counted('easel_jobs_submitted_total{model="card"}') == 2


def test_a_request_a_line(http):
    """JSON lines make the same batch as a list, with or without a line feed at the end."""
    for body in ('{"prompt": "a"}\n{"prompt": "b"}', '{"prompt": "a"}\n{"prompt": "b"}\n'):
        response = http.post("/v1/batches", content=body, headers=LINES)
        assert (response.status_code, len(response.json()["jobs"])) == (202, 2)
        assert response.headers["location"] == f"/v1/batches/{response.json()['id']}"


@pytest.mark.parametrize(
    ("second", "code", "param"),
    [
        ({"prompt": "a fox", "size": "big"}, "invalid_request", "requests.1.size"),
        ({"prompt": "a fox", "size": "8x8"}, "unsupported_size", "requests.1.size"),
        ({"prompt": "a fox", "model": "unknown"}, "model_not_found", "requests.1.model"),
        ({"prompt": "a fox", "retention_seconds": 10**9}, "invalid_request", "requests.1.retention_seconds"),
        ({"prompt": "a fox", "image": "data:image/png;base64,"}, "invalid_image", "requests.1.image"),
        ({"prompt": "a fox", "image": "http://127.0.0.1/fox.png"}, "url_not_allowed", "requests.1.image"),
        ({"prompt": "a fox", "mask": data_url(mask_png())}, "invalid_request", "requests.1.mask"),
        ({"size": "64x64"}, "invalid_request", "requests.1.prompt"),
        ("a fox", "invalid_request", "requests.1"),
    ],
)
def test_one_wrong_request_refuses_all(http, second, code, param):
    """The error names the request and its field, and no job is made."""
    refused = http.post("/v1/batches", json={"requests": [{"prompt": "a fox"}, second]}).json()
    assert (refused["code"], refused["param"]) == (code, param)
    assert all_jobs(http) == []


@pytest.mark.parametrize("count", [0, 101])
def test_a_batch_has_bounds(http, count):
    """Nothing at all and too many are refused in both forms."""
    refused = http.post("/v1/batches", json={"requests": [{"prompt": "a"}] * count})
    assert (refused.status_code, refused.json()["param"]) == (400, "requests")
    assert http.post("/v1/batches", content='{"prompt": "a"}\n' * count, headers=LINES).status_code == 400


def test_a_hundred_jobs_are_a_batch(http):
    """The largest batch fits into one step of Redis."""
    assert statuses(submit(http, requests=[{"prompt": "a"}] * 100)) == {"queued": 100}


def test_a_broken_line_is_named(http):
    """The message counts lines as editors do, `param` counts requests as the list does."""
    refused = http.post("/v1/batches", content='{"prompt": "a"}\n{"prompt"\n', headers=LINES).json()
    assert (refused["detail"][:8], refused["param"]) == ("line 2: ", "requests.1")


def test_a_key_that_is_repeated_finds_its_batch(http, counted):
    """The same key and body make no second batch; another body, or another door, is refused."""
    first, again = submit(http, key="k"), submit(http, key="k")
    assert (first["id"], len(all_jobs(http))) == (again["id"], 2)
    other = http.post("/v1/batches", json={"requests": [{"prompt": "b"}]}, headers={"Idempotency-Key": "k"})
    job = http.post("/v1/jobs", json={"prompt": "b"}, headers={"Idempotency-Key": "k"})
    assert [other.json()["code"], job.json()["code"]] == ["idempotency_key_reused"] * 2
    assert counted('easel_jobs_submitted_total{model="card"}') == 2


def test_a_batch_is_canceled_as_a_whole(http, worker):
    """What has ended stays as it is."""
    batch = submit(http)
    worker.draw()
    canceled = http.post(f"/v1/batches/{batch['id']}/cancel")
    assert (canceled.status_code, statuses(canceled.json())) == (200, {"succeeded": 1, "canceled": 1})


def test_a_batch_is_kept_as_long_as_its_jobs(http, worker, settings):
    """It does not expire while one of them waits, and then with the one that is kept longest."""
    requests = [{"prompt": "a", "retention_seconds": 600}, {"prompt": "b", "size": "64x64", "retention_seconds": 60}]
    batch = submit(http, requests=requests)
    with sync_redis(settings) as client:
        worker.draw()
        assert client.ttl(f"easel:batch:{batch['id']}") == -1
        worker.draw()
        assert 590 <= client.ttl(f"easel:batch:{batch['id']}") <= 600


def test_a_batch_keeps_waiting_for_a_job_that_is_queued_again(http, worker, settings):
    """An operator's repair holds the batch, too."""
    batch = submit(http, requests=[{"prompt": "a"}])
    worker.fail()
    http.post(f"/operations/jobs/{batch['jobs'][0]['id']}/requeue")
    with sync_redis(settings) as client:
        assert client.ttl(f"easel:batch:{batch['id']}") == -1


def test_a_batch_that_does_not_fit_leaves_nothing(serve, settings, worker):
    """The queue's bound holds for all of it together, and a smaller one still fits."""
    with (
        serve(settings.model_copy(update={"max_queue_length": 2})) as server,
        httpx.Client(base_url=server.url) as http,
    ):
        refused = http.post("/v1/batches", json={"requests": [{"prompt": "a"}] * 3})
        assert (refused.status_code, refused.json()["code"]) == (503, "queue_full")
        assert all_jobs(http) == []
        submit(http)


def test_an_unknown_batch_is_not_found(http):
    """404 with a code of its own, for reading and for canceling."""
    for response in (http.get("/v1/batches/batch_x"), http.post("/v1/batches/batch_x/cancel")):
        assert (response.status_code, response.json()["code"]) == (404, "batch_not_found")
