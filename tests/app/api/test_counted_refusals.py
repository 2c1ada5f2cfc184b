"""What a client's ledger says of refused submissions, and what the gateway counted, agree."""

import datetime as dt
from collections import Counter

import httpx
import pytest

from app.api.refusals import SUBMISSIONS
from app.api.strict_json import SubmissionRoute
from app.redis_connections import async_redis
from app.settings import Settings
from app.tenants.guesses import WRONG_KEYS_PER_MINUTE
from app.tenants.key_store import KeyStore
from app.tenants.keys import new_key
from app.tenants.tenant import Limits
from tests.app.api.test_tenants import all_routes

OPERATOR = {"Authorization": "Bearer operators-own-key"}
FOX = {"json": {"prompt": "a fox"}}
GENERATIONS, EDITS, BATCHES = "/v1/images/generations", "/v1/images/edits", "/v1/batches"


@pytest.fixture
def keyed(settings, serve, worker):
    """The address of a gateway that wants keys, and whose counters are of this test alone."""
    changes = {"access": "keys", "operator_key": Settings(operator_key="operators-own-key").operator_key}
    with serve(settings.model_copy(update=changes)) as server:
        yield server.url


@pytest.fixture
async def make_client(keyed, settings):
    """A function that returns a client with a new tenant's key."""
    clients = []

    async def make(**limits):
        async with async_redis(settings) as client:
            name = f"tenant-{len(clients)}"
            key, _ = await KeyStore(client).create(name, Limits(**limits), now=dt.datetime.now(dt.UTC))
        clients.append(httpx.AsyncClient(base_url=keyed, timeout=10, headers={"Authorization": f"Bearer {key}"}))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


def bearer(key):
    """The header of a key."""
    return {"headers": {"Authorization": f"Bearer {key}"}}


async def everything_refused(make_client):
    """Submit in every way that is refused; yield each answer."""
    http = await make_client()
    for door in ("/v1/jobs", GENERATIONS, EDITS, "/v1/images/variations", BATCHES):
        yield await http.post(door, content=b"x", headers={"Content-Type": "text/plain"})
        yield await http.post(door, content=b"x" * 30_000, headers={"Content-Type": "application/json"})
    yield await http.post(EDITS, content=b"x", headers={"Content-Type": "multipart/form-data"})
    yield await http.post(EDITS, data={"prompt": "a fox"}, files={"image": b"x"}, headers={"Idempotency-Key": ""})
    yield await http.post(EDITS, data={"prompt": "a fox"}, files={"image": b"x"})
    for fields in ({"top_k": 1}, {"model": "absent"}, {"model": "none"}, {"prompt": ""}, {"size": "1x1"}):
        yield await http.post("/v1/jobs", json=FOX["json"] | fields)
        yield await http.post(BATCHES, json={"requests": [FOX["json"], FOX["json"] | fields]})
    yield await http.post("/v1/jobs?dry_run=true", json=FOX["json"] | {"top_k": 1})
    key = {"Idempotency-Key": "k"}
    job = (await http.post("/v1/jobs", headers=key, **FOX)).json()["id"]
    yield await http.post("/v1/jobs", headers=key, json={"prompt": "a dog"})
    await http.delete(f"/v1/jobs/{job}")
    yield await http.post(GENERATIONS, headers=key, **FOX)
    slow = await make_client(requests_per_minute=1)
    assert (await slow.post("/v1/jobs", **FOX)).is_success
    yield await slow.post(GENERATIONS, **FOX)
    yield await (await make_client(monthly_budget=1)).post("/v1/jobs", **FOX)
    yield await (await make_client(models=("absent",))).post("/v1/jobs", json=FOX["json"] | {"model": "card"})


async def turned_away(keyed):
    """Submit as somebody whom the gate does not let in; yield each answer."""
    async with httpx.AsyncClient(base_url=keyed) as stranger:
        yield await stranger.post("/v1/jobs", **FOX)
        yield await stranger.post(f"/v1/jobs?key={new_key()}", **FOX)
        for _ in range(WRONG_KEYS_PER_MINUTE + 2):
            yield await stranger.post(GENERATIONS, **FOX, **bearer(new_key()))


async def test_the_counter_equals_the_ledger(keyed, make_client):
    """Each code was counted as often as clients saw it, whoever refused: gate, framework or our own checks."""
    ledger = Counter()
    for answers in (everything_refused(make_client), turned_away(keyed)):
        async for answer in answers:
            assert answer.is_error
            ledger[answer.json()["code"]] += 1
    assert await counted(keyed) == ledger
    assert len(ledger) >= 15


async def test_what_is_no_submission_is_not_counted(keyed, make_client, worker):
    """Nor is a job that was accepted and failed while its client waited."""
    http = await make_client()
    await http.get("/v1/jobs?limit=0")
    await http.post("/v1/jobs/job_1/cancel")
    await http.put("/v1/jobs")
    worker.soon(worker.fail)
    assert (await http.post(GENERATIONS, **FOX)).status_code == 500
    assert await counted(keyed) == {}


async def counted(url):
    """What the gateway counted, by code, as an operator sees it who is at another address than those who guess."""
    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    async with httpx.AsyncClient(transport=elsewhere) as operator:
        page = (await operator.get(f"{url}/metrics", headers=OPERATOR)).text.splitlines()
    series = [line.rpartition(" ") for line in page if line.startswith("easel_jobs_refused_total{")]
    return {name.partition('"')[2].rpartition('"')[0]: float(value) for name, _, value in series}


def test_every_submission_is_known():
    """A route that takes work, and is added later, is counted too."""
    posts = [route for route in all_routes() if "POST" in (getattr(route, "methods", None) or ())]
    taking = {route.path for route in posts if isinstance(route, SubmissionRoute) and "{" not in route.path}
    assert taking == {route.path for route in posts if SUBMISSIONS.fullmatch(route.path)}
