"""Who comes in, on both doors, and what a refusal tells."""

import datetime as dt

import httpx
import openai
import pytest

from app.tenants.guesses import WRONG_KEYS_PER_MINUTE
from app.tenants.keys import new_key
from tests.app.api.tenants.conftest import DOORS, FOX, OPERATOR, sdk
from tests.processes import wait_until


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
