"""What stands around every request, tried on applications of a few lines."""

import httpx
import structlog

from app.api.middleware import RequestMiddleware
from app.metrics import GatewayMetrics, new_registry


async def breaks(scope, receive, send):
    """An application with a bug."""
    raise RuntimeError("canary")


async def breaks_late(scope, receive, send):
    """An application whose bug shows when the answer is under way."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise RuntimeError("canary")


def ask(application):
    """A client of the application behind the middleware."""
    wrapped = RequestMiddleware(application, GatewayMetrics(new_registry()))
    return httpx.AsyncClient(transport=httpx.ASGITransport(wrapped), base_url="http://test")


async def test_a_bug_is_answered_and_logged():
    """The client gets an id to ask about, not a reason; the log has the reason."""
    with structlog.testing.capture_logs() as logged:
        async with ask(breaks) as http:
            response = await http.get("/")
    problem = response.json()
    assert (response.status_code, problem["code"], problem["error"]["type"]) == (500, "internal_error", "server_error")
    assert problem["request_id"] == response.headers["x-request-id"]
    assert "canary" not in response.text
    assert [line["event"] for line in logged] == ["request_failed", "request"]
    assert logged[1]["status"] == 500


async def test_a_bug_after_the_answer_began_is_logged():
    """The answer cannot be taken back: it is left unfinished, which the server turns into a broken connection."""
    sent = []

    async def send(message):
        sent.append(message["type"])

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    with structlog.testing.capture_logs() as logged:
        await RequestMiddleware(breaks_late, GatewayMetrics(new_registry()))(scope, None, send)
    assert sent == ["http.response.start", "http.response.body"]
    assert [line["event"] for line in logged] == ["request_failed", "request"]


async def test_what_is_not_http_passes_through():
    """The start and end of the application are not requests."""
    seen = []

    async def application(scope, receive, send):
        seen.append(scope["type"])

    await RequestMiddleware(application, GatewayMetrics(new_registry()))({"type": "lifespan"}, None, None)
    assert seen == ["lifespan"]
