"""The jobs door over real HTTP and a real Redis."""

import asyncio
import time

import httpx
import pytest

from app.messages import Outcome


def submit(http, **fields):
    """Post a job that is accepted."""
    response = http.post("/v1/jobs", json={"prompt": "a red fox"} | fields)
    assert response.status_code == 202, response.text
    return response.json()


def test_a_submitted_job_is_accepted(http):
    """A 202 gives the job's address and the complete request."""
    response = http.post("/v1/jobs", json={"prompt": "a red fox", "size": "256x128", "seed": 7, "num_images": 2})
    job = response.json()
    assert (response.status_code, response.headers["location"]) == (202, f"/v1/jobs/{job['id']}")
    assert (job["status"], job["position"], job["model"]) == ("queued", 0, "card")
    given = {"prompt": "a red fox", "width": 256, "height": 128, "seed": 7, "num_images": 2}
    defaults = {"num_inference_steps": 20, "guidance_scale": 7.5, "output_format": "png", "output_compression": 100}
    assert {name: value for name, value in job["request"].items() if value is not None} == given | defaults


def test_a_seed_is_drawn_and_told(http):
    """Two jobs without a seed get different ones, small enough for every client."""
    seeds = {submit(http)["request"]["seed"] for _ in range(3)}
    assert len(seeds) == 3
    assert max(seeds) < 2**32


def test_null_means_absent(http):
    """A client may send every field, null where it does not care."""
    job = submit(http, **dict.fromkeys(["model", "size", "width", "num_images", "seed", "top_k", "output_format"]))
    assert (job["request"]["width"], job["request"]["height"]) == (128, 64)


def test_a_job_can_be_followed_to_its_images(http, worker):
    """A finished job shows links that anyone can follow until they expire."""
    job = submit(http, num_images=2, seed=5, output_format="jpeg")
    worker.draw()
    done = http.get(f"/v1/jobs/{job['id']}").json()
    assert (done["status"], done["model_revision"], [image["seed"] for image in done["images"]]) == (
        *("succeeded", "r1"),
        [5, 6],
    )
    image = http.get(done["images"][0]["url"])
    assert (image.status_code, image.headers["content-type"], image.content[:2]) == (200, "image/jpeg", b"\xff\xd8")


def test_a_failed_job_says_why(http, worker):
    """The job's own error is in its answer; reading it is no error."""
    job = submit(http)
    worker.fail("out_of_memory")
    read = http.get(f"/v1/jobs/{job['id']}")
    assert (read.status_code, read.json()["status"]) == (200, "failed")
    assert read.json()["error"] == {"code": "out_of_memory", "message": "the model could not draw this"}


def test_waiting_ends_with_the_job(http, worker):
    """A long poll is answered when the job ends, and says that it waited."""
    job = submit(http)
    worker.soon(lambda: (time.sleep(0.2), worker.draw()))
    response = http.get(f"/v1/jobs/{job['id']}", headers={"Prefer": "wait=10"})
    assert (response.json()["status"], response.headers["preference-applied"]) == ("succeeded", "wait=10")


def test_waiting_ends_with_the_time(http):
    """A long poll gives the job as it stands when the time is over."""
    job = submit(http)
    started = time.monotonic()
    response = http.get(f"/v1/jobs/{job['id']}", headers={"Prefer": "respond-async, wait=1"})
    assert response.json()["status"] == "queued"
    assert 1 <= time.monotonic() - started < 5


def test_a_submission_can_wait_for_its_images(http, worker):
    """With a preference to wait, one request is enough."""
    worker.soon(worker.draw)
    response = http.post("/v1/jobs", json={"prompt": "a red fox"}, headers={"Prefer": "wait=10"})
    assert (response.status_code, response.json()["status"], len(response.json()["images"])) == (200, "succeeded", 1)


async def test_many_clients_may_wait(http, worker):
    """More long polls than connections to Redis: every one is answered with the job's end."""
    job = submit(http)
    limits = httpx.Limits(max_connections=150)
    async with httpx.AsyncClient(base_url=http.base_url, limits=limits, timeout=30) as client:
        polls = [client.get(f"/v1/jobs/{job['id']}", headers={"Prefer": "wait=20"}) for _ in range(150)]
        answers = asyncio.gather(*polls)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(worker.draw)
        assert {(answer.status_code, answer.json()["status"]) for answer in await answers} == {(200, "succeeded")}


@pytest.mark.parametrize("prefer", ["wait", "wait=soon", "wait=-1", "await=3", "return=minimal"])
def test_other_preferences_are_left_alone(http, prefer):
    """What is no `wait=N` is not honoured, and the answer does not claim it was."""
    response = http.post("/v1/jobs", json={"prompt": "a red fox"}, headers={"Prefer": prefer})
    assert response.status_code == 202
    assert "preference-applied" not in response.headers


def test_the_same_idempotency_key_gives_the_same_job(http, counted):
    """A request sent again finds its first job, drawn seed included."""
    first, again = (
        http.post("/v1/jobs", json={"prompt": "a red fox"}, headers={"Idempotency-Key": "k"}).json() for _ in range(2)
    )
    assert (first["id"], first["request"]["seed"]) == (again["id"], again["request"]["seed"])
    assert counted('easel_jobs_submitted_total{model="card"}') == 1


@pytest.mark.parametrize("change", [{"prompt": "a blue fox"}, {"seed": 3}])
def test_an_idempotency_key_stands_for_one_body(http, change):
    """Another body under the same key is refused, a changed seed too."""
    body = {"prompt": "a red fox", "seed": 2}
    http.post("/v1/jobs", json=body, headers={"Idempotency-Key": "k"})
    response = http.post("/v1/jobs", json=body | change, headers={"Idempotency-Key": "k"})
    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")


def test_a_queued_job_can_be_canceled(http, counted):
    """Cancelling is final, counted once, and may be repeated."""
    job = submit(http)
    for _ in range(2):
        response = http.post(f"/v1/jobs/{job['id']}/cancel")
        assert (response.status_code, response.json()["status"]) == (200, "canceled")
    assert counted('easel_jobs_finished_total{cause="",model="card",outcome="canceled"}') == 1


def test_a_running_job_can_be_canceled(http, worker):
    """A job in a worker's hands ends at once for its client."""
    job = submit(http)
    worker.claim()
    assert http.get(f"/v1/jobs/{job['id']}").json()["status"] == "running"
    assert http.post(f"/v1/jobs/{job['id']}/cancel").json()["status"] == "canceled"


def test_an_ended_job_cannot_be_canceled(http, worker):
    """What has succeeded stays so."""
    job = submit(http)
    worker.draw()
    response = http.post(f"/v1/jobs/{job['id']}/cancel")
    assert (response.status_code, response.json()["code"]) == (409, "job_not_cancelable")


def test_an_ended_job_can_be_deleted(http, worker):
    """Record, list entry and images are gone as soon as the answer is there."""
    job = submit(http)
    worker.draw()
    url = http.get(f"/v1/jobs/{job['id']}").json()["images"][0]["url"]
    assert http.get(url).status_code == 200
    assert http.delete(f"/v1/jobs/{job['id']}").status_code == 204
    for path in (url, f"/v1/jobs/{job['id']}"):
        assert http.get(path).status_code == 404
    assert http.get("/v1/jobs").json()["data"] == []
    assert http.delete(f"/v1/jobs/{job['id']}").status_code == 404


@pytest.mark.parametrize("claimed", [False, True])
def test_an_open_job_is_canceled_when_it_is_deleted(http, worker, counted, claimed):
    """It leaves the queue, or its worker's result is dropped, and nothing of it can be read."""
    job = submit(http)
    hands = worker.claim() if claimed else ()
    assert http.delete(f"/v1/jobs/{job['id']}").status_code == 204
    assert http.get(f"/v1/jobs/{job['id']}").status_code == 404
    assert counted('easel_jobs_finished_total{cause="",model="card",outcome="canceled"}') == 1
    assert worker.commit({one: Outcome() for one in hands}) == ["canceled"] * len(hands)
    assert http.get(f"/v1/jobs/{job['id']}").status_code == 404


def test_jobs_are_listed_in_pages(http):
    """Every job is on exactly one page, the newest first."""
    ids = []
    for _ in range(5):
        ids.append(submit(http)["id"])
        time.sleep(0.002)  # ids sort by the millisecond
    found, cursor = [], None
    while True:
        page = http.get("/v1/jobs", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        found += [job["id"] for job in page["data"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert found == ids[::-1]


def test_jobs_are_listed_by_status(http):
    """A filter leaves out the others."""
    kept, canceled = submit(http), submit(http)
    http.post(f"/v1/jobs/{canceled['id']}/cancel")
    assert [job["id"] for job in http.get("/v1/jobs?status=queued").json()["data"]] == [kept["id"]]


@pytest.mark.parametrize(
    "path", ["/v1/jobs/job_none", "/v1/jobs/..%2f..%2fetc", "/v1/jobs/%00", "/v1/jobs/" + "x" * 1024]
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_unknown_job_is_not_found(http, method, path):
    """Whatever stands in the place of the id."""
    response = http.request(method, path)
    assert response.status_code == 404
