"""The one renderer of errors: RFC 9457 problem details that carry OpenAI's error object as a member.

Whatever goes wrong (our errors, the framework's, a bug) leaves through here, without stack traces and without
what the client wrote.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import Scope

from app.api.refusals import note_error
from app.errors import EaselError, InvalidRequest, MethodNotAllowed, NotFound, PayloadTooLarge

CONTENT_TYPE = "application/problem+json"
LONGEST_PARAM = 100  # characters: an unknown field's name is the client's
RETRY_AFTER_SECONDS = 5
_RETRIED_STATUSES = {429, 503}
_WORDS = {"extra_forbidden": "unknown field", "missing": "required"}


class OpenAIError(BaseModel):
    """The error as OpenAI's clients read it."""

    message: str
    type: str
    param: str | None
    code: str


class Problem(BaseModel):
    """An error: `code` is stable, `detail` is for people, `param` names the field that is wrong."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    param: str | None
    request_id: str
    error: OpenAIError


def problem(error: EaselError, request_id: str) -> Problem:
    """Describe an error as the client will see it."""
    param = error.param[:LONGEST_PARAM] if error.param else None
    return Problem(
        type=f"urn:easel:error:{error.code}",
        title=error.title,
        status=error.status,
        detail=error.detail,
        code=error.code,
        param=param,
        request_id=request_id,
        error=OpenAIError(message=error.detail, type=_openai_type(error.status), param=param, code=error.code),
    )


def problem_response(error: EaselError, scope: Scope, headers: Mapping[str, str] | None = None) -> Response:
    """Answer a request with an error, and note it for the log's line and the counters."""
    note_error(scope, error.code)
    structlog.contextvars.bind_contextvars(code=error.code)
    if error.status >= 500 and error.__cause__:
        structlog.contextvars.bind_contextvars(cause=f"{type(error.__cause__).__name__}: {error.__cause__}")
    body = json.dumps(problem(error, scope["state"]["request_id"]).model_dump())  # ASCII: for lone surrogates
    all_headers = dict(headers or {})
    if isinstance(error, PayloadTooLarge):
        all_headers["Connection"] = "close"  # or the server would go on reading what nobody wants
    if error.status in _RETRIED_STATUSES:
        all_headers["Retry-After"] = str(error.retry_after_seconds or RETRY_AFTER_SECONDS)
    if error.status == 401:
        all_headers["WWW-Authenticate"] = "Bearer"  # RFC 9110 wants it
    if error.should_retry is not None:
        all_headers["X-Should-Retry"] = str(error.should_retry).lower()
    return Response(body, status_code=error.status, media_type=CONTENT_TYPE, headers=all_headers)


def register(app: FastAPI) -> None:
    """Send every exception of the app through the renderer."""

    @app.exception_handler(EaselError)
    async def _(request: Request, error: EaselError) -> Response:
        return problem_response(error, request.scope)

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, error: RequestValidationError) -> Response:
        return problem_response(invalid_request(error), request.scope)

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> Response:
        headers = {"Allow": _allowed_methods(request)} if error.status_code == 405 else error.headers
        return problem_response(_translate(error, request.method), request.scope, headers)


def invalid_request(error: RequestValidationError) -> InvalidRequest:
    """Turn pydantic's first finding into our error, without the value that was sent."""
    finding: dict[str, Any] = error.errors()[0]
    location = finding["loc"][1:]
    named = location[:3] if location[:1] == ("requests",) else location[:1]  # of a batch: which request, and its field
    param = ".".join(map(str, named))[:LONGEST_PARAM].replace("-", "_") or None
    detail = _WORDS.get(finding["type"]) or finding["msg"].removeprefix("Value error, ")
    return InvalidRequest(f"{param}: {detail}" if param else detail, param=param)


def _allowed_methods(request: Request) -> str:
    """List the methods of an address, all of them: the framework names only those of the first route that fits."""
    path = request.scope["route"].path_format
    return ", ".join(method.upper() for method in request.app.openapi()["paths"].get(path, ["get"]))


def _translate(error: HTTPException, method: str) -> EaselError:
    match error.status_code:
        case 404:
            return NotFound("there is nothing at this address")
        case 405:
            return MethodNotAllowed(f"this address does not answer {method[:20]}")
        case status if status < 500:
            return InvalidRequest("the request cannot be read")
    return EaselError("the service failed to answer")


def _openai_type(status: int) -> str:
    if status >= 500:
        return "server_error"
    return "rate_limit_error" if status == 429 else "invalid_request_error"
