"""The files door, OpenAI's as far as pictures go: upload one, and name its id where an address may stand."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.dependencies import Caller, GatewayParts
from app.api.documentation import Responses, errors
from app.api.multipart import read_form
from app.api.openapi import picture_body, picture_content
from app.api.picture_bodies import read_fields
from app.client_files import ClientFile, Purpose
from app.errors import (
    FileNotFound,
    InvalidImage,
    InvalidRequest,
    PayloadTooLarge,
    QueueUnavailable,
    RateLimited,
    StorageUnavailable,
    TooManyFiles,
)

router = APIRouter(prefix="/v1/files", tags=["openai"])

_OUTAGES = (QueueUnavailable, StorageUnavailable)
_PNG: Responses = {200: {"content": picture_content("image/png")}}


class File(BaseModel):
    """A file, as OpenAI shows it."""

    id: Annotated[str, Field(examples=["file_06a8n5q2c4v9k7e1m3t5r8b0dg2h4j6s8"])]
    object: Literal["file"] = "file"
    bytes: Annotated[int, Field(description="Of the PNG that is kept: upright, and nothing but pixels.")]
    created_at: Annotated[int, Field(description="Unix seconds.")]
    expires_at: int
    filename: str
    purpose: Purpose
    status: Literal["processed"] = "processed"

    @classmethod
    def of(cls, file: ClientFile) -> Self:
        """Show a file to its owner; the name that it had with its owner was not kept."""
        return cls(
            id=file.id,
            bytes=file.bytes,
            created_at=int(file.created_at.timestamp()),
            expires_at=int(file.expires_at.timestamp()),
            filename=f"{file.id}.png",
            purpose=file.purpose,
        )


class FileList(BaseModel):
    """All your files, the latest first."""

    object: Literal["list"] = "list"
    data: list[File]
    has_more: Literal[False] = False


class DeletedFile(BaseModel):
    """A file that is gone."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


class FileForm(BaseModel):
    """What comes beside the file."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    purpose: Purpose


@router.post(
    "",
    responses=errors(InvalidRequest, InvalidImage, PayloadTooLarge, RateLimited, TooManyFiles, *_OUTAGES),
    openapi_extra=picture_body(FileForm, "file"),
)
async def upload_file(gateway: GatewayParts, caller: Caller, request: Request) -> File:
    """Upload a picture, to name it in edits and jobs; it is kept as long as jobs are."""
    form = await read_form(request, gateway.settings.max_upload_bytes)
    purpose = read_fields(FileForm, form.fields).purpose
    match form.files:
        case {"file": [data], **others} if not others:
            return File.of(await gateway.files.create(caller.name, purpose, data, _now()))
    raise InvalidRequest("file: required, once, and no other file", param="file")


@router.get("", responses=errors(QueueUnavailable))
async def list_files(gateway: GatewayParts, caller: Caller) -> FileList:
    """List your files."""
    return FileList(data=[File.of(file) for file in await gateway.files.all(caller.name, _now())])


@router.get("/{file_id}", responses=errors(FileNotFound, QueueUnavailable))
async def read_file(file_id: str, gateway: GatewayParts, caller: Caller) -> File:
    """Tell what is known of a file."""
    return File.of(await gateway.files.get(file_id, caller.name, _now()))


@router.get("/{file_id}/content", response_class=Response, responses=_PNG | errors(FileNotFound, *_OUTAGES))
async def read_content(file_id: str, gateway: GatewayParts, caller: Caller) -> Response:
    """Read a file's pixels as PNG."""
    data = await gateway.files.read(file_id, caller.name, _now())
    return Response(data, media_type="image/png", headers={"X-Content-Type-Options": "nosniff"})


@router.delete("/{file_id}", responses=errors(FileNotFound, *_OUTAGES))
async def delete_file(file_id: str, gateway: GatewayParts, caller: Caller) -> DeletedFile:
    """Forget a file at once."""
    await gateway.files.delete(file_id, caller.name, _now())
    return DeletedFile(id=file_id)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
