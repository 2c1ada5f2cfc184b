"""What /docs shows is true: every error of every route, in its real form."""

import re

import httpx
import pytest

from app.main import create_app
from app.settings import Settings

SUBMISSION = {
    "400": {"invalid_request", "unsupported_option", "unsupported_size", "budget_exceeded", "moderation_blocked"},
    "401": {"missing_api_key", "invalid_api_key"},
    "403": {"model_not_allowed"},
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
ENDINGS = {
    "500": {"generation_failed"},
    "409": {"job_canceled"},
    "410": {"job_gone"},
    "422": {"idempotency_key_reused"},
    "503": PICTURES["503"] | {"job_too_slow"},
}
DECLARED = {
    ("post", "/v1/jobs"): PICTURES
    | {"400": PICTURES["400"] | {"url_not_allowed", "url_unreachable"}}
    | {"410": {"job_gone"}, "422": {"idempotency_key_reused"}},
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
    ("post", "/v1/batches"): SUBMISSION
    | {"400": PICTURES["400"] | {"url_not_allowed", "url_unreachable"}, "404": {"model_not_found", "batch_not_found"}}
    | {"503": SUBMISSION["503"] | {"storage_unavailable"}}
    | {"410": {"job_gone"}, "422": {"idempotency_key_reused"}},
    ("get", "/v1/batches/{batch_id}"): {"404": {"batch_not_found"}, "503": {"queue_unavailable"}},
    ("post", "/v1/batches/{batch_id}/cancel"): {"404": {"batch_not_found"}, "503": {"queue_unavailable"}},
    ("post", "/v1/images/generations"): SUBMISSION | ENDINGS,
    ("post", "/v1/images/edits"): PICTURES | ENDINGS,
    ("post", "/v1/images/variations"): PICTURES | ENDINGS,
    ("get", "/operations/jobs"): {"400": {"invalid_request"}, "503": {"queue_unavailable"}},
    ("post", "/operations/jobs/{job_id}/requeue"): {
        "404": {"job_not_found"},
        "409": {"job_not_failed"},
        "503": {"queue_unavailable"},
    },
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
    ("get", "/files/{key}"): {
        "403": {"invalid_signature"},
        "404": {"object_not_found"},
        "503": {"storage_unavailable"},
    },
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


@pytest.mark.parametrize(("method", "path"), DECLARED)
def test_each_error_is_declared(openapi, method, path):
    """Status, code and an example of each error that a route may answer with."""
    assert codes(openapi["paths"][path][method]) == DECLARED[method, path]


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
    """Both bodies of an edit, and the form of a variation, with all their fields and no reference into nowhere."""
    edit = openapi["paths"]["/v1/images/edits"]["post"]["requestBody"]["content"]
    assert {"image", "mask", "prompt", "strength"} <= set(edit["multipart/form-data"]["schema"]["properties"])
    assert "$ref" not in str(edit["application/json"]["schema"])
    (variation,) = openapi["paths"]["/v1/images/variations"]["post"]["requestBody"]["content"].values()
    assert variation["schema"]["required"] == ["image"]
