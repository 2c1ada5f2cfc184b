"""Reads multipart forms, bounded before and while reading; what is larger than a megabyte waits on disk meanwhile."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.types import Message, Receive

from app.api.problems import LONGEST_PARAM
from app.errors import InvalidRequest, PayloadTooLarge

MULTIPART = "multipart/form-data"
_MOST_FILES = 17  # 16 images and a mask
_MOST_FIELDS = 50


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it came: texts and the contents of files, by name."""

    fields: dict[str, str]
    files: dict[str, list[bytes]]


async def read_form(request: Request, limit_bytes: int) -> Form:
    """Read a form of at most `limit_bytes` in all, whatever its Content-Length says.

    Raises:
        PayloadTooLarge: longer than the limit.
        InvalidRequest: a text is given twice; `param` names it.
        starlette.exceptions.HTTPException: this is no form.
    """
    too_large = PayloadTooLarge(f"the body is larger than {limit_bytes} bytes")
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit_bytes:
        raise too_large
    bounded = Request(request.scope, _bounded(request.receive, limit_bytes, too_large))
    async with bounded.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS) as form:
        return await _read(form)


async def _read(form: FormData) -> Form:
    fields: dict[str, str] = {}
    files: dict[str, list[bytes]] = defaultdict(list)
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files[name].append(await value.read())
        elif name in fields:
            raise InvalidRequest(f"{name[:LONGEST_PARAM]}: given twice", param=name)
        else:
            fields[name] = value
    return Form(fields, files)


def _bounded(receive: Receive, limit_bytes: int, too_large: PayloadTooLarge) -> Receive:
    left = limit_bytes

    async def receive_within() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise too_large
        return message

    return receive_within
