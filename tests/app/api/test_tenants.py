"""Keys on both doors of a real gateway: who comes in, who sees what, how much they may ask for."""

import asyncio
import contextlib
import datetime as dt
import re
import time

import httpx
import openai
import pytest
from fastapi.routing import APIRoute

from app.api.gate import FOR_OPERATORS
from app.main import create_app
from app.redis_connections import async_redis
from app.settings import Settings
from app.tenants.guesses import WRONG_KEYS_PER_MINUTE
from app.tenants.key_store import KeyStore
from app.tenants.keys import new_key
from app.tenants.tenant import Limits
from tests.processes import wait_until

OPERATOR = "operators-own-key"
FOX = {"prompt": "a fox"}
DOORS = ("/v1/jobs", "/v1/images/generations")
FOR_EVERYBODY = {"/healthz", "/readyz", "/openapi.json", "/docs", "/docs/oauth2-redirect", "/files/{key:path}"}
NO_ONES = {"model", "key"}  # parameters that name nothing of a tenant's; a file's link is its own permission
COST = 128 * 64 * 20  # of a fox: the model's default size and steps


@pytest.fixture(scope="module")
def keyed(settings, serve):
    """A gateway that wants keys."""
    with serve(settings.model_copy(update={"access": "keys", "operator_key": _secret(OPERATOR)})) as server:
        yield server


def _secret(text):
    return Settings(operator_key=text).operator_key


@pytest.fixture
def keys(keyed, settings, worker):
    """A function that does something with the store of keys."""

    def ask(action):
        async def run():
            async with async_redis(settings) as client:
                return await action(KeyStore(client))

        return asyncio.run(run())

    return ask


@pytest.fixture
def tenant(keyed, keys):
    """A function that makes a tenant, and returns a client with its key."""
    clients = contextlib.ExitStack()

    def make(name="acme", expires_at=None, **limits):
        now = dt.datetime.now(dt.UTC)
        key, known = keys(lambda store: store.create(name, Limits(**limits), now=now, expires_at=expires_at))
        http = httpx.Client(base_url=keyed.url, timeout=10, headers={"Authorization": f"Bearer {key}"})
        http.key, http.key_id = key, known.id
        return clients.enter_context(http)

    with clients:
        yield make


@pytest.fixture
def stranger(keyed, worker):
    """A client without a key."""
    with httpx.Client(base_url=keyed.url, timeout=10) as client:
        yield client


def sdk(http):
    """The `openai` client of the same tenant; it tries once."""
    key = http.headers["Authorization"].removeprefix("Bearer ")
    return openai.OpenAI(base_url=f"{http.base_url}/v1", api_key=key, max_retries=0)


# Who comes in


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("header", "code"), [(None, "missing_api_key"), (f"Bearer {new_key()}", "invalid_api_key")])
def test_who_is_not_known_stays_outside(stranger, door, header, code):
    """Both doors answer 401, in both envelopes, and say which scheme they want."""
    response = stranger.post(door, json=FOX, headers={"Authorization": header} if header else {})
    problem = response.json()
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    assert (problem["code"], problem["error"]["code"], problem["status"]) == (code, code, 401)


def test_nobody_reads_the_body_of_a_stranger(stranger):
    """A refusal comes before the body: a long one is not even waited for."""
    response = stranger.post("/v1/jobs", content=(b"x" for _ in range(3)), headers={"Content-Type": "text/plain"})
    assert response.status_code == 401


def test_a_key_opens_both_doors(tenant, worker):
    """A tenant submits, draws and reads."""
    http = tenant()
    worker.soon(worker.draw)
    assert sdk(http).images.generate(**FOX).data[0].url
    assert http.post("/v1/jobs", json=FOX).status_code == 202


def test_revoked_and_expired_keys_open_nothing(tenant, keys):
    """The answer tells the owner what has become of the key."""
    revoked, expired = tenant(), tenant(expires_at=dt.datetime.now(dt.UTC))
    keys(lambda store: store.revoke(revoked.key_id, now=dt.datetime.now(dt.UTC)))
    details = [http.get("/v1/jobs").json()["detail"] for http in (revoked, expired)]
    assert details == ["this API key is revoked", "this API key is expired"]


def test_a_key_in_an_address_is_refused(tenant, stranger):
    """Even a right one, and even beside a right header: addresses end up in logs."""
    http = tenant()
    for client, path in ((http, "/v1/jobs"), (stranger, "/v1/jobs"), (stranger, "/healthz")):
        response = client.get(path, params={"api_key": http.key})
        assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
        assert http.key not in response.text


def test_guessing_ends_in_429(stranger, serve, settings):
    """After some wrong keys an address is told to wait; a gateway of its own, for others guess from here, too."""
    with serve(settings.model_copy(update={"access": "keys"})) as server:
        answers = [
            httpx.get(f"{server.url}/v1/jobs", headers={"Authorization": f"Bearer {new_key()}"})
            for _ in range(WRONG_KEYS_PER_MINUTE + 1)
        ]
    assert [answer.status_code for answer in answers] == [401] * WRONG_KEYS_PER_MINUTE + [429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


def test_the_openai_client_raises_its_own_exceptions(tenant, keyed):
    """401, 403 and 429 are the exceptions that programs catch."""
    strange = openai.OpenAI(base_url=f"{keyed.url}/v1", api_key="sk-wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as error:
        strange.images.generate(**FOX)
    assert error.value.code == "invalid_api_key"
    with pytest.raises(openai.PermissionDeniedError) as error:
        sdk(tenant(models=("absent",))).images.generate(**FOX)
    assert (error.value.code, error.value.param) == ("model_not_allowed", "model")
    http = tenant(requests_per_minute=1)
    http.post("/v1/jobs", json=FOX)
    with pytest.raises(openai.RateLimitError) as error:
        sdk(http).images.generate(**FOX)
    assert (error.value.code, error.value.type) == ("rate_limited", "rate_limit_error")


# How much they may ask for


@pytest.mark.parametrize("door", DOORS)
def test_rates_are_told_on_both_doors(tenant, worker, door):
    """Every submission says how the key's rates stand; the one too many says when to come back."""
    http = tenant(requests_per_minute=2, images_per_minute=8)
    for remaining in (1, 0):
        if door != "/v1/jobs":
            worker.soon(worker.draw)
        response = http.post(door, json=FOX)
        assert response.is_success
        told = {name: value for name, value in response.headers.items() if name.startswith("x-ratelimit")}
        assert told.pop("x-ratelimit-reset-requests").endswith("s")
        assert told.pop("x-ratelimit-reset-images").endswith("s")
        assert told == {
            "x-ratelimit-limit-requests": "2",
            "x-ratelimit-remaining-requests": str(remaining),
            "x-ratelimit-limit-images": "8",
            "x-ratelimit-remaining-images": str(remaining + 6),
        }
    refused = http.post(door, json=FOX)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert (refused.headers["x-ratelimit-remaining-requests"], 25 < int(refused.headers["retry-after"]) <= 30) == (
        *("0", True),
    )


def test_a_key_without_rates_has_no_such_headers(tenant):
    """Nothing is said where nothing is limited, nor when a job is read."""
    limited = tenant("other", requests_per_minute=5)
    for response in (tenant().post("/v1/jobs", json=FOX), limited.get("/v1/jobs")):
        assert not [name for name in response.headers if name.startswith("x-ratelimit")]


def test_a_job_too_large_for_its_key_is_no_matter_of_waiting(tenant):
    """Four images never fit into two a minute: 400, and the field."""
    response = tenant(images_per_minute=2).post("/v1/jobs", json=FOX | {"num_images": 4})
    assert (response.status_code, response.json()["param"]) == (400, "num_images")


def test_open_jobs_are_the_tenants(tenant):
    """All keys of a tenant together; a job that has ended makes room."""
    one, other = tenant(max_open_jobs=1), tenant(max_open_jobs=1)
    job = one.post("/v1/jobs", json=FOX).json()
    refused = other.post("/v1/jobs", json=FOX)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    one.delete(f"/v1/jobs/{job['id']}")
    assert other.post("/v1/jobs", json=FOX).status_code == 202


def spent(keys):
    """What each key has spent."""
    return [steps for _, steps in keys(lambda store: store.overview(dt.datetime.now(dt.UTC)))]


def test_a_budget_pays_for_what_was_drawn(tenant, keys, worker):
    """A job that succeeds stays charged, one that fails is given back; asking again does not help before."""
    http = tenant(monthly_budget=COST)
    http.post("/v1/jobs", json=FOX)
    refused = http.post("/v1/jobs", json=FOX)
    assert (refused.status_code, refused.json()["code"]) == (429, "insufficient_quota")
    assert (refused.headers["x-should-retry"], int(refused.headers["retry-after"]) > 0) == ("false", True)
    worker.fail()
    assert spent(keys) == [0]
    http.post("/v1/jobs", json=FOX)
    worker.draw()
    assert spent(keys) == [COST]


def test_models_of_a_key(tenant):
    """Others are neither listed nor drawn with, whatever name they are asked for by."""
    http = tenant(models=("absent",))
    assert [model["id"] for model in http.get("/v1/models").json()["data"]] == ["absent"]
    for name in ("card", "dall-e-3"):
        for refused in (http.post("/v1/jobs", json=FOX | {"model": name}), http.get(f"/v1/models/{name}")):
            assert (refused.status_code, refused.json()["code"]) == (403, "model_not_allowed")


# Who sees what


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


MAKERS = {"job_id": make_job, "batch_id": make_batch}  # a new kind of thing needs a line here: how a tenant makes one


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


# What the log keeps


@pytest.mark.parametrize("given", ["header", "wrong header", "address"])
def test_no_key_is_ever_logged(start_gateway, worker, given):
    """Whether it is right, wrong or in the wrong place, at the level that logs everything."""
    http, log, _ = start_gateway(EASEL_ACCESS="keys", EASEL_OPERATOR_KEY=OPERATOR)
    key = new_key() if given != "wrong header" else "ek_canary"
    where = {"params": {"key": key}} if given == "address" else {"headers": {"Authorization": f"Bearer {key}"}}
    assert http.post("/v1/jobs", json={"prompt": "canary"}, **where).status_code in {400, 401}
    assert http.get("/metrics", **where).status_code in {400, 403}
    wait_until(lambda: log.read_text().count("request_id") == 2)  # the last line follows its answer
    text = log.read_text()
    assert key not in text
    assert key[3:] not in text
    assert OPERATOR not in text
    assert "canary" not in text
