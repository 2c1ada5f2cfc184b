"""What a client may ask for beside the picture, over real HTTP."""

import pytest


def submit(http, **fields):
    """Post a job that is accepted."""
    response = http.post("/v1/jobs", json={"prompt": "a red fox"} | fields)
    assert response.status_code == 202, response.text
    return response.json()


def test_priorities(http):
    """An urgent job stands before the others, and says so."""
    submit(http), submit(http, priority="low")
    urgent = submit(http, priority="high")
    assert (urgent["priority"], urgent["position"]) == ("high", 0)
    assert [job["priority"] for job in http.get("/v1/jobs").json()["data"]].count("normal") == 1


def test_a_deadline(http):
    """A job that nobody starts in time fails by itself, with a code of its own."""
    job = submit(http, deadline_seconds=1)
    ended = http.get(f"/v1/jobs/{job['id']}", headers={"Prefer": "wait=10"}).json()
    assert (ended["status"], ended["error"]["code"]) == ("failed", "deadline_exceeded")
    assert job["deadline_at"] == ended["deadline_at"] < ended["finished_at"]


def test_a_jobs_own_retention(http, worker):
    """It is kept as long as the request says."""
    job = submit(http, retention_seconds=120)
    worker.draw()
    assert http.get(f"/v1/jobs/{job['id']}").json()["expires_at"]


def test_metadata_finds_jobs(http):
    """Jobs show their metadata and are found by it; several pairs must all agree."""
    ids = [submit(http, metadata=data)["id"] for data in ({"project": "x", "run": "1"}, {"project": "x:y"}, {})]
    assert http.get(f"/v1/jobs/{ids[0]}").json()["metadata"] == {"project": "x", "run": "1"}

    def found(*pairs):
        return [job["id"] for job in http.get("/v1/jobs", params={"metadata": list(pairs)}).json()["data"]]

    assert found("project:x") == [ids[0]]
    assert found("project:x:y") == [ids[1]]
    assert found("project:x", "run:1") == [ids[0]]
    assert found("project:x", "run:2") == found("run:") == []


def test_metadata_is_found_far_back(http, redis_server, settings):
    """A page is filled from more than one look at the list."""
    from app.job_reading import _ENTRIES_SCANNED_AT_ONCE  # noqa: PLC0415 - the bound itself is not part of the contract
    from app.redis_connections import sync_redis  # noqa: PLC0415

    job = submit(http, metadata={"project": "x"})
    with sync_redis(settings) as client:
        copies = {f"job_z{number:06}": 0 for number in range(2 * _ENTRIES_SCANNED_AT_ONCE)}
        client.zadd("easel:jobs:public", copies)
        pipe = client.pipeline()
        for name in copies:
            pipe.hset(f"rq:job:{name}", "status", "queued")
        pipe.execute()
    page = http.get("/v1/jobs", params={"metadata": "project:x"}).json()
    assert ([one["id"] for one in page["data"]], page["has_more"]) == ([job["id"]], False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("priority", "urgent"),
        ("priority", 1),
        ("deadline_seconds", 0),
        ("deadline_seconds", 1.5),
        ("deadline_seconds", True),
        ("deadline_seconds", 10**9),
        ("retention_seconds", 59),
        ("retention_seconds", 604_801),
        ("metadata", {"a b": "c"}),
        ("metadata", {"": "c"}),
        ("metadata", {"a" * 65: "c"}),
        ("metadata", {"a": "c" * 513}),
        ("metadata", {"a": 1}),
        ("metadata", {"a": "\x00"}),
        ("metadata", {str(number): "" for number in range(17)}),
        ("metadata", ["a"]),
    ],
)
def test_wrong_terms_are_refused(http, field, value):
    """Each bound is an error that names its field."""
    response = http.post("/v1/jobs", json={"prompt": "a red fox", field: value})
    assert (response.status_code, response.json()["param"]) == (400, field)


@pytest.mark.parametrize("pairs", [["a"], ["a b:c"], [":c"], ["a:b", "a:c"], [f"{number}:" for number in range(17)]])
def test_wrong_filters_are_refused(http, pairs):
    """A filter that can match nothing is a mistake."""
    response = http.get("/v1/jobs", params={"metadata": pairs})
    assert (response.status_code, response.json()["param"]) == (400, "metadata")
