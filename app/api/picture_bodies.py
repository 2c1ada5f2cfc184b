"""The bodies that bring pictures: OpenAI's two forms and JSON, and addresses in the place of bytes."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from app.api.dependencies import Gateway
from app.api.multipart import MULTIPART, Form, read_form
from app.api.problems import invalid_request
from app.api.schemas import ImageEdit, ImageEditBody, ImageVariation, JobSubmission
from app.api.strict_json import read_json
from app.errors import FileNotFound, InvalidImage, InvalidRequest, UnsupportedOption
from app.inputs import Upload
from app.tenants.tenant import Tenant

_FILE_ID = re.compile(r"file_[0-9a-v]+")
_DATA_URL = re.compile(r"data:image/(?:png|jpe?g|webp);base64,", re.IGNORECASE)

Body = TypeVar("Body", bound=BaseModel)


async def read_edit(request: Request, gateway: Gateway, caller: Tenant) -> tuple[ImageEdit, Upload]:
    """Read an edit from either of its bodies.

    Raises:
        EaselError: it is neither, or a field is wrong; `param` names it.
    """
    limit_bytes = gateway.settings.max_upload_bytes
    if _media_type(request) == MULTIPART:
        form = await read_form(request, limit_bytes)
        return read_fields(ImageEdit, form.fields), _files(form, masked=True)
    wanted = _checked(ImageEditBody, await read_json(request, limit_bytes))
    _require_one(len(wanted.images), "images")
    mask = await fetch(wanted.mask.address, "mask", gateway, caller) if wanted.mask else None
    return wanted, Upload(await fetch(wanted.images[0].address, "images", gateway, caller), mask)


async def read_variation(request: Request, gateway: Gateway) -> tuple[ImageVariation, Upload]:
    """Read the form of a variation.

    Raises:
        EaselError: a field is wrong; `param` names it.
    """
    form = await read_form(request, gateway.settings.max_upload_bytes)
    return read_fields(ImageVariation, form.fields), _files(form, masked=False)


async def upload_of(wanted: JobSubmission, fetch: Callable[[str, str], Awaitable[bytes]]) -> Upload | None:
    """Fetch the pictures of a job; `fetch` takes an address and the name of its field.

    Raises:
        InvalidRequest: a mask without an image, or an address that is none.
    """
    if wanted.image is None:
        if wanted.mask is not None:
            raise InvalidRequest("mask needs an image", param="mask")
        return None
    mask = None if wanted.mask is None else await fetch(wanted.mask, "mask")
    return Upload(await fetch(wanted.image, "image"), mask)


async def fetch(address: str, param: str, gateway: Gateway, caller: Tenant) -> bytes:
    """Return what is at an address: the data URL's own bytes, a file of the caller's, or a download.

    Raises:
        InvalidImage: a data URL of something else than a picture.
        FileNotFound: the caller has no such file.
        UrlNotAllowed, UrlUnreachable: as `outbound.fetch`.
    """
    if _FILE_ID.fullmatch(address):
        return await _read_file(address, param, gateway, caller)
    if address[:5].lower() != "data:":
        return await gateway.inputs.fetch(address, param)
    if found := _DATA_URL.match(address):
        try:
            return base64.b64decode(address[found.end() :], validate=True)
        except binascii.Error as error:
            raise InvalidImage(f"{param} is a data URL whose base64 is damaged", param=param) from error
    raise InvalidImage(f"{param} must be a data URL of a PNG, JPEG or WebP picture in base64", param=param)


async def _read_file(file_id: str, param: str, gateway: Gateway, caller: Tenant) -> bytes:
    try:
        return await gateway.files.read(file_id, caller.name, dt.datetime.now(dt.UTC))
    except FileNotFound as error:
        error.param = param
        raise


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def read_fields(kind: type[Body], fields: dict[str, str]) -> Body:
    """Read a form's texts as the numbers and words that they stand for.

    Raises:
        InvalidRequest: one is wrong; `param` names it.
    """
    try:
        return kind.model_validate_strings(fields)
    except ValidationError as findings:
        raise _refusal(findings) from findings


def _checked(kind: type[Body], found: object) -> Body:
    try:
        return kind.model_validate(found)
    except ValidationError as findings:
        raise _refusal(findings) from findings


def _refusal(findings: ValidationError) -> InvalidRequest:
    return invalid_request(RequestValidationError([one | {"loc": ("body", *one["loc"])} for one in findings.errors()]))


def _files(form: Form, *, masked: bool) -> Upload:
    images = [*form.files.pop("image", ()), *form.files.pop("image[]", ())]
    masks = form.files.pop("mask", []) if masked else []
    for name in form.files:
        raise InvalidRequest(f"{name}: unknown file", param=name)
    if not images:
        raise InvalidRequest("image: required", param="image")
    _require_one(len(images), "image")
    if len(masks) > 1:
        raise InvalidRequest("mask: given twice", param="mask")
    return Upload(images[0], masks[0] if masks else None)


def _require_one(count: int, param: str) -> None:
    if count > 1:
        raise UnsupportedOption(f"a picture is drawn after one image, not {count}", param=param)
