"""Around every request: its id, its time, its line in the log, its numbers, and an answer even to a bug."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import problem_response
from app.api.refusals import refusal
from app.errors import EaselError
from app.metrics import UNMATCHED_ROUTE, GatewayMetrics
from app.tracing import hide_query

CLIENT_GONE = 499  # nginx's word for a request that was never answered
_TOO_LARGE = 413
_LINGER_SECONDS = 0.2
_LINGER_BYTES = 1_048_576
_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUIET_ROUTES = {"/healthz", "/readyz", "/metrics"}

log = structlog.get_logger()


class RequestMiddleware:
    """Pure ASGI, so that streams and disconnections pass through unchanged."""

    def __init__(self, app: ASGIApp, metrics: GatewayMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send)
        try:
            await self._app(scope, receive, exchange.send)
        except ClientDisconnect:  # in the middle of its body: nobody is left to be answered
            pass
        except Exception:  # a bug; whatever it is, the client gets an answer and the log a line
            log.exception("request_failed")
            if not exchange.answered:
                error = EaselError("the service failed to answer; its log has the reason under this request id")
                await problem_response(error, scope)(scope, receive, exchange.send)
        finally:
            exchange.report(self._metrics)


class _Exchange:
    """One request and what became of it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.request_id = _request_id(Headers(scope=scope))
        self.status = CLIENT_GONE
        self._scope = scope
        self._receive = receive
        self._send = send
        self._started = time.perf_counter()
        scope.setdefault("state", {})["request_id"] = self.request_id
        if scope.get("query_string"):
            hide_query()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=self.request_id)

    @property
    def answered(self) -> bool:
        """Whether the response has begun."""
        return self.status != CLIENT_GONE

    async def send(self, message: Message) -> None:
        """Pass the response on, with our headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.status == _TOO_LARGE:
                await self._linger()
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self.request_id
            headers["openai-processing-ms"] = str(round(self._seconds() * 1000))
        await self._send(message)

    async def _linger(self) -> None:
        """Take in what is under way, if that is little: a connection that is closed on it loses the answer."""
        if "expect" in Headers(scope=self._scope):
            return  # it sends nothing unless it is asked to
        left = _LINGER_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                while left > 0 and (message := await self._receive()).get("more_body"):
                    left -= len(message["body"])

    def report(self, metrics: GatewayMetrics) -> None:
        """Write the log's line and count the request; neither holds the path, which may carry a signature."""
        route = getattr(self._scope.get("route"), "path", UNMATCHED_ROUTE)
        method, seconds = self._scope["method"], self._seconds()
        metrics.http_request(route=route, method=method, status=self.status, seconds=seconds)
        if code := refusal(self._scope):
            metrics.job_refused(code)
        write = log.debug if route in _QUIET_ROUTES else log.info
        write("request", method=method[:20], route=route, status=self.status, duration_ms=round(seconds * 1000, 1))

    def _seconds(self) -> float:
        return time.perf_counter() - self._started


def _request_id(headers: Headers) -> str:
    """Take the caller's id, so that logs can be joined, if it is fit for a log; else make one."""
    given = headers.get("x-request-id", "")
    return given if _ACCEPTED_ID.fullmatch(given) else f"req_{uuid.uuid4().hex}"
