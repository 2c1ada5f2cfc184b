"""Turns one finished image into a stored object: encoded, marked as generated, uploaded, and patient with storage."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from app.errors import StorageUnavailable
from app.messages import CONTENT_TYPES, JobMessage, StoredImage
from app.provenance import encode_image
from app.storage import ObjectStore
from models.interface import Image, Row

log = structlog.get_logger()

PATIENCE_SECONDS = 120.0  # an image is dearer than the wait
_LONGEST_PAUSE_SECONDS = 5.0


class EncodingFailed(Exception):
    """The image could not be encoded."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored image and what it took."""

    image: StoredImage
    encode_seconds: float
    upload_seconds: float


def store_image(
    store: ObjectStore,
    message: JobMessage,
    row: Row,
    image: Image,
    *,
    model_revision: str,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Stored:
    """Encode and upload an image under a key made from its job's id, so that doing it again changes nothing.

    Raises:
        EncodingFailed: it is not an image that can be encoded.
        StorageUnavailable: the store did not take it for `patience_seconds`.
    """
    started = time.monotonic()
    seed = row.request.seed
    try:
        data = encode_image(
            image,
            output_format=message.output_format,
            output_compression=message.output_compression,
            model=message.model,
            model_revision=model_revision,
            seed=seed,
        )
    except Exception as error:
        raise EncodingFailed from error
    encoded = time.monotonic()
    key = f"images/{row.job_id}/{row.index}.{message.output_format}"
    content_type = CONTENT_TYPES[message.output_format]
    _patiently(lambda: store.put(key, data, content_type), row.job_id, patience_seconds)
    height, width, _ = image.shape
    stored = StoredImage(
        key=key,
        width=width,
        height=height,
        seed=seed,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        content_type=content_type,
    )
    return Stored(stored, encoded - started, time.monotonic() - encoded)


def _patiently(put: Callable[[], None], job_id: str, patience_seconds: float) -> None:
    """Try until it succeeds or patience ends."""
    give_up_at, pause = time.monotonic() + patience_seconds, 0.1
    while True:
        try:
            return put()
        except StorageUnavailable as error:
            if time.monotonic() + pause > give_up_at:
                raise
            log.warning("upload_retried", job_id=job_id, error=str(error), pause_seconds=pause)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
