"""What /docs shows is true: every error of every route, in its real form."""

import json
import re

import httpx
import pytest

from app.api.gate import FOR_OPERATORS
from app.main import create_app
from app.settings import Settings

SUBMISSION = {
    "400": {"invalid_request", "unsupported_option", "unsupported_size", "budget_exceeded", "moderation_blocked"},
    "401": {"missing_api_key", "invalid_api_key"},
    "403": {"model_not_allowed", "origin_not_allowed"},
    "404": {"model_not_found"},
    "429": {"rate_limited", "insufficient_quota"},
    "413": {"payload_too_large"},
    "415": {"unsupported_media_type"},
    "503": {"queue_full", "queue_unavailable", "model_not_ready", "moderation_unavailable"},
}
PICTURES = SUBMISSION | {
    "400": SUBMISSION["400"] | {"invalid_image"},
    "503": SUBMISSION["503"] | {"storage_unavailable"},
}
ADDRESSES = PICTURES | {
    "400": PICTURES["400"] | {"url_not_allowed", "url_unreachable"},
    "404": PICTURES["404"] | {"file_not_found"},
}
ENDINGS = {
    "500": {"generation_failed"},
    "409": {"job_canceled"},
    "410": {"job_gone"},
    "422": {"idempotency_key_reused"},
    "503": PICTURES["503"] | {"job_too_slow"},
}
OUTAGES = {"queue_unavailable", "storage_unavailable"}
SECRET = {"400": {"unsupported_option"}, "403": {"operators_only"}, "503": {"queue_unavailable"}}
DECLARED = {
    ("post", "/v1/jobs"): ADDRESSES | {"410": {"job_gone"}, "422": {"idempotency_key_reused"}},
    ("get", "/v1/jobs"): {"400": {"invalid_request"}, "503": {"queue_unavailable"}},
    ("get", "/v1/jobs/{job_id}"): {"404": {"job_not_found"}, "503": {"queue_unavailable"}},
    ("get", "/v1/jobs/{job_id}/events"): {
        "400": {"invalid_request"},
        "404": {"job_not_found"},
        "503": {"queue_unavailable"},
    },
    ("delete", "/v1/jobs/{job_id}"): {
        "404": {"job_not_found"},
        "503": {"queue_unavailable", "storage_unavailable"},
    },
    ("post", "/v1/jobs/{job_id}/cancel"): {
        "404": {"job_not_found"},
        "409": {"job_not_cancelable"},
        "503": {"queue_unavailable"},
    },
    ("post", "/v1/batches"): ADDRESSES
    | {"404": ADDRESSES["404"] | {"batch_not_found"}}
    | {"410": {"job_gone"}, "422": {"idempotency_key_reused"}},
    ("get", "/v1/batches/{batch_id}"): {"404": {"batch_not_found"}, "503": {"queue_unavailable"}},
    ("post", "/v1/batches/{batch_id}/cancel"): {"404": {"batch_not_found"}, "503": {"queue_unavailable"}},
    ("post", "/v1/images/generations"): SUBMISSION | ENDINGS,
    ("post", "/v1/images/edits"): ADDRESSES | ENDINGS,
    ("post", "/v1/images/variations"): PICTURES | ENDINGS,
    ("get", "/operations/jobs"): {"400": {"invalid_request"}, "503": {"queue_unavailable"}},
    ("post", "/operations/jobs/{job_id}/requeue"): {
        "404": {"job_not_found"},
        "409": {"job_not_failed"},
        "503": {"queue_unavailable"},
    },
    ("post", "/v1/files"): {"400": {"invalid_request", "invalid_image"}, "413": {"payload_too_large"}}
    | {"429": {"rate_limited", "too_many_files"}, "503": OUTAGES},
    ("get", "/v1/files"): {"503": {"queue_unavailable"}},
    ("get", "/v1/files/{file_id}"): {"404": {"file_not_found"}, "503": {"queue_unavailable"}},
    ("get", "/v1/files/{file_id}/content"): {"404": {"file_not_found"}, "503": OUTAGES},
    ("delete", "/v1/files/{file_id}"): {"404": {"file_not_found"}, "503": OUTAGES},
    ("get", "/v1/webhooks/secret"): SECRET,
    ("post", "/v1/webhooks/secret/rotate"): SECRET,
    ("get", "/v1/webhooks/dead-letters"): {"503": {"queue_unavailable"}},
    ("post", "/v1/webhooks/dead-letters/{event_id}/redeliver"): {
        "404": {"dead_letter_not_found"},
        "503": {"queue_unavailable"},
    },
    ("get", "/v1/models"): {"503": {"queue_unavailable"}},
    ("get", "/v1/models/{model}"): {
        "403": {"model_not_allowed"},
        "404": {"model_not_found"},
        "503": {"queue_unavailable"},
    },
    ("get", "/metrics"): {},
    ("get", "/healthz"): {},
    ("get", "/readyz"): {},
}
TENANTS_GUARD = {
    "400": {"invalid_request"},
    "401": {"missing_api_key", "invalid_api_key"},
    "429": {"rate_limited"},
    "503": {"queue_unavailable"},
}
OPERATORS_GUARD = {
    "400": {"invalid_request"},
    "401": {"missing_api_key"},
    "403": {"operators_only"},
    "429": {"rate_limited"},
}


@pytest.fixture(scope="module")
def openapi():
    """The document behind /docs."""
    return create_app(Settings()).openapi()


def codes(operation):
    """The error codes of an operation, by status."""
    found = {}
    for status, response in operation["responses"].items():
        problem = response.get("content", {}).get("application/problem+json")
        if problem and status != "default":
            assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
            found[status] = set(problem["examples"])
    return found


def guard_of(path):
    """What may be answered before a route is reached."""
    if path.startswith("/v1/"):
        return TENANTS_GUARD
    return OPERATORS_GUARD if FOR_OPERATORS.fullmatch(path) else {}


@pytest.mark.parametrize(("method", "path"), DECLARED)
def test_each_error_is_declared(openapi, method, path):
    """Status, code and an example of each error that a route may answer with, or its guard."""
    own, guard = DECLARED[method, path], guard_of(path)
    expected = {status: own.get(status, set()) | guard.get(status, set()) for status in own | guard}
    assert codes(openapi["paths"][path][method]) == expected
    assert openapi["paths"][path][method].get("security", []) == ([{"HTTPBearer": []}] if guard else [])


def test_no_operation_is_left_out(openapi):
    """The table above is complete."""
    assert {(method, path) for path, found in openapi["paths"].items() for method in found} == set(DECLARED)


def test_every_operation_is_described(openapi):
    """A sentence for people, and the form of all other errors."""
    for path in openapi["paths"].values():
        for operation in path.values():
            assert operation["description"]
            assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_the_frameworks_own_errors_are_nowhere(openapi):
    """No answer has FastAPI's `detail` list."""
    assert not {name for name in openapi["components"]["schemas"] if "ValidationError" in name}


def test_bodies_have_examples(openapi):
    """The page can be tried out at once."""
    for name in ("JobSubmission", "ImageGeneration"):
        assert openapi["components"]["schemas"][name]["examples"]


async def test_the_page_needs_no_network():
    """Everything that /docs loads comes from this server."""
    app = create_app(Settings())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        page = (await http.get("/docs")).text
        loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert len(loaded) == 3
        for address in loaded:
            assert (await http.get(address)).status_code == 200, address


def test_forms_with_pictures_are_described(openapi):
    """Both bodies of an edit, and the form of a variation, with all their fields; nothing in a form is null."""
    schemas = openapi["components"]["schemas"]
    assert {"image", "mask", "prompt", "strength"} <= set(schemas["ImageEdit"]["properties"])
    assert {"images", "mask", "prompt", "strength"} <= set(schemas["ImageEditBody"]["properties"])
    assert schemas["ImageVariation"]["required"] == ["image"]
    assert "null" not in str(schemas["ImageEdit"])


def test_references_lead_somewhere(openapi):
    """Every schema that is referred to is there."""
    names = re.findall(r"#/components/schemas/(\w+)", json.dumps(openapi))
    assert set(names) <= set(openapi["components"]["schemas"])


def test_what_webhooks_send_is_described(openapi):
    """Their body, and the headers by which it is checked."""
    described = openapi["webhooks"]["job-ended"]["post"]
    assert described["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/JobEnded")
    assert {header["name"] for header in described["parameters"]} == {
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    }


def test_the_data_of_events_are_described(openapi):
    """Generated clients know the type of each event's data."""
    assert {"QueuedData", "RunningData", "PreviewData"} <= set(openapi["components"]["schemas"])
