"""What a client's ledger says of refused submissions, and what the gateway counted, agree."""

from collections import Counter

import httpx
import pytest

from app.api.refusals import SUBMISSIONS
from app.api.strict_json import SubmissionRoute
from app.settings import Settings
from app.tenants.guesses import WRONG_KEYS_PER_MINUTE
from app.tenants.keys import new_key
from tests.app.api.tenants.conftest import FOX, OPERATOR
from tests.app.api.tenants.test_ownership import all_routes

GENERATIONS, EDITS, BATCHES = "/v1/images/generations", "/v1/images/edits", "/v1/batches"


@pytest.fixture
def keyed(settings, serve):
    """A gateway that wants keys, and whose counters are of this test alone."""
    changes = {"access": "keys", "operator_key": Settings(operator_key=OPERATOR).operator_key}
    with serve(settings.model_copy(update=changes)) as server:
        yield server


def everything_refused(tenant):
    """Submit in every way that is refused; yield each answer."""
    http = tenant()
    for door in ("/v1/jobs", GENERATIONS, EDITS, "/v1/images/variations", BATCHES):
        yield http.post(door, content=b"x", headers={"Content-Type": "text/plain"})
        yield http.post(door, content=b"x" * 30_000, headers={"Content-Type": "application/json"})
    yield http.post(EDITS, content=b"x", headers={"Content-Type": "multipart/form-data"})
    yield http.post(EDITS, data={"prompt": "a fox"}, files={"image": b"x"}, headers={"Idempotency-Key": ""})
    yield http.post(EDITS, data={"prompt": "a fox"}, files={"image": b"x"})
    for fields in ({"top_k": 1}, {"model": "absent"}, {"model": "none"}, {"prompt": ""}, {"size": "1x1"}):
        yield http.post("/v1/jobs", json=FOX | fields)
        yield http.post(BATCHES, json={"requests": [FOX, FOX | fields]})
    yield http.post("/v1/jobs?dry_run=true", json=FOX | {"top_k": 1})
    key = {"Idempotency-Key": "k"}
    job = http.post("/v1/jobs", headers=key, json=FOX).json()["id"]
    yield http.post("/v1/jobs", headers=key, json={"prompt": "a dog"})
    http.delete(f"/v1/jobs/{job}")
    yield http.post(GENERATIONS, headers=key, json=FOX)
    slow = tenant(requests_per_minute=1)
    assert slow.post("/v1/jobs", json=FOX).is_success
    yield slow.post(GENERATIONS, json=FOX)
    yield tenant(monthly_budget=1).post("/v1/jobs", json=FOX)
    yield tenant(models=("absent",)).post("/v1/jobs", json=FOX | {"model": "card"})


def turned_away(stranger):
    """Submit as somebody whom the gate does not let in; yield each answer."""
    yield stranger.post("/v1/jobs", json=FOX)
    yield stranger.post(f"/v1/jobs?key={new_key()}", json=FOX)
    for _ in range(WRONG_KEYS_PER_MINUTE + 2):
        yield stranger.post(GENERATIONS, json=FOX, headers={"Authorization": f"Bearer {new_key()}"})


def test_the_counter_equals_the_ledger(keyed, tenant, stranger):
    """Each code was counted as often as clients saw it, whoever refused: gate, framework or our own checks."""
    answers = [*everything_refused(tenant), *turned_away(stranger)]
    assert all(answer.is_error for answer in answers)
    ledger = Counter(answer.json()["code"] for answer in answers)
    assert counted(keyed) == ledger
    assert len(ledger) >= 15


def test_what_is_no_submission_is_not_counted(keyed, tenant, worker):
    """Nor is a job that was accepted and failed while its client waited."""
    http = tenant()
    http.get("/v1/jobs?limit=0")
    http.post("/v1/jobs/job_1/cancel")
    http.put("/v1/jobs")
    worker.soon(worker.fail)
    assert http.post(GENERATIONS, json=FOX).status_code == 500
    assert counted(keyed) == {}


def counted(server):
    """What the gateway counted, by code, as an operator sees it who is at another address than those who guess."""
    elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(transport=elsewhere) as operator:
        page = (
            operator.get(f"{server.url}/metrics", headers={"Authorization": f"Bearer {OPERATOR}"})
        ).text.splitlines()
    series = [line.rpartition(" ") for line in page if line.startswith("easel_jobs_refused_total{")]
    return {name.partition('"')[2].rpartition('"')[0]: float(value) for name, _, value in series}


def test_every_submission_is_known():
    """A route that takes work, and is added later, is counted too."""
    posts = [route for route in all_routes() if "POST" in (getattr(route, "methods", None) or ())]
    taking = {route.path for route in posts if isinstance(route, SubmissionRoute) and "{" not in route.path}
    assert taking == {route.path for route in posts if SUBMISSIONS.fullmatch(route.path)}
