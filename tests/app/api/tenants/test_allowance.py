"""How much a key may ask for, on both doors."""

import datetime as dt

import pytest

from tests.app.api.tenants.conftest import DOORS, FOX

COST = 128 * 64 * 20  # of a fox: the model's default size and steps


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
