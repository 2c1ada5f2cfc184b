"""Who sees what: one's own alone, whatever the route."""

import re
import time

import pytest
from fastapi.routing import APIRoute

from app.api.gate import FOR_OPERATORS
from app.main import create_app
from app.settings import Settings
from tests.app.api.pictures import png
from tests.app.api.tenants.conftest import FOX, OPERATOR

FOR_EVERYBODY = {"/healthz", "/readyz", "/openapi.json", "/docs", "/docs/oauth2-redirect", "/files/{key:path}"}
NO_ONES = {"model", "key"}  # parameters that name nothing of a tenant's; a file's link is its own permission


def all_routes(routes=None):
    """Every route of the application, its routers' among them."""
    for route in create_app(Settings()).routes if routes is None else routes:
        if inner := getattr(route, "original_router", None):
            yield from all_routes(inner.routes)
        else:
            yield route


ROUTES = [
    (method, route.path)
    for route in all_routes()
    for method in sorted(getattr(route, "methods", None) or ())
    if isinstance(route, APIRoute)
]
OF_TENANTS = [
    (method, path)
    for method, path in ROUTES
    if set(re.findall(r"{(\w+)", path)) - NO_ONES and not FOR_OPERATORS.fullmatch(path)
]


def make_job(http):
    """Submit a job, and return its id."""
    return http.post("/v1/jobs", json=FOX).json()["id"]


def make_batch(http):
    """Submit a batch, and return its id."""
    return http.post("/v1/batches", json={"requests": [FOX, FOX]}).json()["id"]


def make_file(http):
    """Upload a picture, and return its id."""
    return http.post("/v1/files", data={"purpose": "vision"}, files={"file": png()}).json()["id"]


MAKERS = {
    "job_id": make_job,
    "batch_id": make_batch,
    "file_id": make_file,
}  # a new kind of thing needs a line here: how a tenant makes one


def status(http, method, path):
    """The status alone: some answers do not end."""
    with http.stream(method, path) as response:
        return response.status_code


@pytest.fixture
def dead_letter(sync_client):
    """Leave an event that was given up to the owner, as hours of failed deliveries would; return its id."""
    event, webhook = "msg_owners_1", '{"url": "https://receiver.example/"}'
    fields = {
        "job": "job_gone",
        "tenant": "owner",
        "webhook": webhook,
        "endpoint": "easel:gone:x",
        "created_at": time.time(),
    }
    sync_client.hset(f"easel:webhook:{event}", mapping=fields | {"attempts": 10, "reason": "status 500"})
    sync_client.zadd("easel:dead:owner", {event: time.time()})
    return event


@pytest.mark.parametrize(("method", "path"), OF_TENANTS)
def test_what_is_another_tenants_does_not_exist(tenant, dead_letter, method, path):
    """Every route that takes an id answers 404 to whoever it does not belong to, and something else to its owner."""
    owner, other = tenant("owner"), tenant("other")
    makers = MAKERS | {"event_id": lambda _: dead_letter}
    address = re.sub(r"{(\w+)[^}]*}", lambda match: makers[match[1]](owner), path)
    assert status(other, method, address) == 404
    assert status(owner, method, address) not in {401, 403, 404}


def test_there_are_such_routes():
    """The walk through the routes finds what it is for."""
    assert {("GET", "/v1/jobs/{job_id}"), ("DELETE", "/v1/jobs/{job_id}")} <= set(OF_TENANTS)
    assert {"/metrics", "/operations/jobs"} <= {path for _, path in ROUTES if FOR_OPERATORS.fullmatch(path)}


def test_lists_show_ones_own(tenant):
    """Each tenant lists its jobs, whichever of its keys asks."""
    owner, colleague, other = tenant("owner"), tenant("owner"), tenant("other")
    jobs = [make_job(owner), make_job(colleague)]
    make_job(other)
    assert [job["id"] for job in owner.get("/v1/jobs").json()["data"]] == jobs[::-1]


def test_idempotency_keys_are_the_tenants(tenant):
    """Two tenants may choose the same one."""
    ids = {
        tenant(name).post("/v1/jobs", json=FOX, headers={"Idempotency-Key": "k"}).json()["id"] for name in ("a", "b")
    }
    assert len(ids) == 2


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_wants_a_key(stranger, tenant, method, path):
    """But those for everybody; and operators' routes are not for tenants."""
    address = re.sub(r"{[^}]*}", "x", path)
    if path in FOR_EVERYBODY:
        assert status(stranger, method, address) != 401
    else:
        assert status(stranger, method, address) == 401
    if FOR_OPERATORS.fullmatch(path):
        assert status(tenant(), method, address) == 403
        stranger.headers["Authorization"] = f"Bearer {OPERATOR}"
        assert status(stranger, method, address) not in {401, 403}


def test_an_address_that_does_not_exist_wants_a_key_too(stranger, tenant):
    """A stranger does not learn what there is."""
    assert (stranger.get("/nothing").status_code, tenant().get("/nothing").status_code) == (401, 404)
