"""Pages of other origins: those that the settings name may call this service from a browser, others may not."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.datastructures import Headers

from app.errors import OriginNotAllowed

_READING = {"GET", "HEAD", "OPTIONS"}
_NO_OTHER_ORIGIN = {None, "none", "same-origin"}  # None: no browser


def allow_origins(app: FastAPI, origins: Collection[str]) -> None:
    """Answer browsers that ask for pages of these origins; to be added last, since they ask without a key."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["*"],
        expose_headers=["*"],
    )


def check_origin(method: str, headers: Headers, origins: Collection[str]) -> None:
    """Keep out what browsers send for other origins without asking: forms with pictures, and empty bodies.

    Raises:
        OriginNotAllowed: it comes from a page whose origin is not named.
    """
    if method in _READING or headers.get("sec-fetch-site") in _NO_OTHER_ORIGIN:
        return
    if "*" not in origins and headers.get("origin") not in origins:
        raise OriginNotAllowed("a page of this origin may not call this service: EASEL_CORS_ORIGINS does not name it")
