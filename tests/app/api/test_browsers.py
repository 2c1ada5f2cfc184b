"""Pages of other origins may call the service if its settings name them, and only then."""

import httpx
import pytest

from app.settings import Settings
from tests.app.api.pictures import png

PAGE = "https://app.example.com"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,idempotency-key,prefer,x-stainless-os",
}


@pytest.fixture(scope="module")
def open_to_pages(settings, serve):
    """A gateway that wants keys and lets one origin in; yields a function that asks it as a page of an origin."""
    with (
        serve(settings.model_copy(update={"access": "keys", "cors_origins": (PAGE,)})) as server,
        httpx.Client(base_url=server.url) as http,
    ):

        def ask(origin, method, path, **headers):
            return http.request(method, path, headers={"Origin": origin} | headers)

        yield ask


def allowed(answer):
    return answer.headers.get("access-control-allow-origin")


def test_a_page_asks_first_without_a_key(open_to_pages):
    """Browsers send no key with the question beforehand; what the clients of both doors send is allowed."""
    answer = open_to_pages(PAGE, "OPTIONS", "/v1/jobs", **PREFLIGHT)
    assert (answer.status_code, allowed(answer)) == (200, PAGE)
    assert answer.headers["access-control-allow-headers"] == PREFLIGHT["Access-Control-Request-Headers"]
    assert "DELETE" in answer.headers["access-control-allow-methods"]


def test_a_page_may_read_errors_and_headers(open_to_pages):
    """A refusal shows its reason to the page, and no header is kept from it."""
    answer = open_to_pages(PAGE, "POST", "/v1/jobs")
    assert (answer.status_code, answer.json()["code"], allowed(answer)) == (401, "missing_api_key", PAGE)
    assert answer.headers["access-control-expose-headers"] == "*"


def test_pages_of_other_origins_stay_outside(open_to_pages):
    """Neither the question beforehand nor the answer lets them in."""
    assert open_to_pages("https://evil.example", "OPTIONS", "/v1/jobs", **PREFLIGHT).status_code == 400
    assert allowed(open_to_pages("https://evil.example", "GET", "/v1/jobs")) is None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_of_another_page_is_refused(http, site):
    """Browsers send forms without asking beforehand; without keys, any page could draw with them."""
    headers = {"Origin": PAGE, "Sec-Fetch-Site": site}
    answer = http.post("/v1/images/variations", files={"image": png((64, 64))}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")


def test_own_pages_and_named_ones_send_forms(http, open_to_pages):
    """What is of the same origin, or named, comes as far as everybody else: here to an empty form, or a missing key."""
    own = http.post("/v1/images/variations", headers={"Origin": PAGE, "Sec-Fetch-Site": "same-origin"})
    assert own.json()["code"] != "origin_not_allowed"
    named = open_to_pages(PAGE, "POST", "/v1/images/variations", **{"Sec-Fetch-Site": "cross-site"})
    assert named.json()["code"] == "missing_api_key"


def test_no_page_is_let_in_unless_told(http):
    """It is off by default."""
    assert allowed(http.get("/v1/jobs", headers={"Origin": PAGE})) is None
    assert http.options("/v1/jobs", headers={"Origin": PAGE} | PREFLIGHT).status_code == 405


@pytest.mark.parametrize(
    "origins", ["app.example.com", "https://app.example.com/", "https://a.example,ftp://b.example", ""]
)
def test_an_origin_is_scheme_and_host(monkeypatch, origins):
    """What no browser would ever send as its origin is refused by name."""
    monkeypatch.setenv("EASEL_CORS_ORIGINS", origins)
    with pytest.raises(ValueError, match="cors_origins"):
        Settings()
