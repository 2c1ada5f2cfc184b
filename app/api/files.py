"""The embedded store's own server: an object for whoever holds its signed link."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.api.dependencies import GatewayParts
from app.errors import ObjectNotFound
from app.storage import content_type_of
from app.storage.files import FileStore

_HEADERS = {"Cache-Control": "private, max-age=3600, immutable", "X-Content-Type-Options": "nosniff"}

router = APIRouter(tags=["files"])


@router.get("/files/{key:path}", include_in_schema=False)  # links are given and followed, never made
async def read_file(
    key: str,
    gateway: GatewayParts,
    expires: Annotated[str, Query()] = "",  # Unix seconds
    signature: Annotated[str, Query()] = "",
) -> Response:
    """Read an image by its signed link, as `GET /v1/jobs/{id}` gives it."""
    if not isinstance(gateway.store, FileStore):
        raise ObjectNotFound("this service keeps its images elsewhere")
    gateway.store.verify(key, expires, signature)
    data = await asyncio.to_thread(gateway.store.get, key)
    return Response(data, headers=_HEADERS | {"Content-Type": content_type_of(key)})
