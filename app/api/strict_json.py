"""Reads JSON bodies: bounded before and while reading, and strict where Python's parser is lenient.

`SubmissionRoute` gives FastAPI the parsed body, so that its validation and its documentation stay in use.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.api.dependencies import gateway_of
from app.api.problems import LONGEST_PARAM
from app.errors import InvalidRequest, PayloadTooLarge, UnsupportedMediaType
from app.settings import Settings

_LARGE_BYTES = 1_000_000  # from here on, parsing would hold up other requests


class SubmissionRoute(APIRoute):
    """A route that takes work in a JSON body."""

    def longest_body(self, settings: Settings) -> int:
        """Say how many bytes are read."""
        return settings.max_body_bytes

    async def read(self, request: Request, limit_bytes: int) -> Any:
        """Read and parse the body."""
        return await read_json(request, limit_bytes)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the strict reader before FastAPI's own handling."""
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def read_then_handle(request: Request) -> Response:
            """Read the body strictly, then let FastAPI validate it."""
            settings = gateway_of(request).settings
            return await handle(_ReadRequest(request, await self.read(request, self.longest_body(settings))))

        return read_then_handle


class PictureRoute(SubmissionRoute):
    """One whose body may hold pictures."""

    def longest_body(self, settings: Settings) -> int:
        """Say how many bytes are read."""
        return max(settings.max_body_bytes, settings.max_upload_bytes)


class _ReadRequest(Request):
    """A request whose body has been read and parsed."""

    def __init__(self, request: Request, parsed: Any) -> None:
        others = [(name, value) for name, value in request.headers.raw if name != b"content-type"]
        headers = [*others, (b"content-type", b"application/json")]  # what FastAPI takes for parsed, whatever came
        super().__init__({**request.scope, "headers": headers}, request.receive)
        self._parsed = parsed

    async def body(self) -> bytes:
        return b"read"  # FastAPI looks only whether it is empty

    async def json(self) -> Any:
        return self._parsed


async def read_json(request: Request, limit_bytes: int) -> Any:
    """Read and parse a JSON body, a large one beside the event loop.

    Raises:
        EaselError: as `read_body` and `parse`.
    """
    return await parse_aside(parse, await read_body(request, limit_bytes))


async def parse_aside(parse: Callable[[bytes], Any], body: bytes) -> Any:
    """Parse a body, a large one beside the event loop."""
    return await asyncio.to_thread(parse, body) if len(body) > _LARGE_BYTES else parse(body)


async def read_body(request: Request, limit_bytes: int, media_type: str = "application/json") -> bytes:
    """Read a body of text, at most `limit_bytes` of it whatever its Content-Length says.

    Raises:
        UnsupportedMediaType: not announced as of this type, plain and in UTF-8.
        PayloadTooLarge: longer than the limit.
    """
    _check_content_type(request, media_type)
    too_large = PayloadTooLarge(f"the body is larger than {limit_bytes} bytes")
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit_bytes:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise too_large
    return bytes(body)


def parse(body: bytes) -> Any:
    """Parse JSON as RFC 8259 means it: UTF-8, no duplicate names, finite numbers, bounded depth.

    Raises:
        InvalidRequest: it is something else; `param` names a duplicate field.
    """
    try:
        return json.loads(
            body.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
        )
    except UnicodeDecodeError as error:
        raise InvalidRequest("the body is not UTF-8") from error
    except RecursionError as error:
        raise InvalidRequest("the body is nested too deeply") from error
    except json.JSONDecodeError as error:
        detail = f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise InvalidRequest(detail) from error
    except ValueError as error:  # an integer of thousands of digits
        raise InvalidRequest("the body holds a number that is too long") from error


def _check_content_type(request: Request, wanted: str) -> None:
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != wanted:
        raise UnsupportedMediaType(f"the body must be {wanted}")
    if parameters.replace(" ", "").replace('"', "").lower() not in {"", "charset=utf-8"}:
        raise UnsupportedMediaType("the body must be in UTF-8")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("the body must not be compressed")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidRequest(f"{name[:LONGEST_PARAM]}: given twice", param=name)
        found[name] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidRequest(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise InvalidRequest(f"a number is beyond all bounds: {text[:20]}")
    return number
