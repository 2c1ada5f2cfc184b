"""Turns one drawn image into what can be stored: encoded, marked as generated, under a key made from its job's id."""

from __future__ import annotations

import hashlib
import io

from PIL import Image as Pictures

from app.messages import CONTENT_TYPES, JobMessage, StoredImage
from app.provenance import encode_image
from app.storage import folder_of_job
from models.interface import Image, Row

_DIGITS = 16  # of the digest in a key, hexadecimal


class EncodingFailed(Exception):
    """The image could not be encoded."""


def encode(message: JobMessage, row: Row, image: Image, *, model_revision: str) -> bytes:
    """Encode an image as its job asks.

    Raises:
        EncodingFailed: it is not an image that can be encoded.
    """
    try:
        return encode_image(
            image,
            output_format=message.output_format,
            output_compression=message.output_compression,
            model=message.model,
            model_revision=model_revision,
            seed=row.request.seed,
        )
    except Exception as error:
        raise EncodingFailed from error


def describe(message: JobMessage, row: Row, data: bytes) -> StoredImage:
    """State where an encoded image is to lie, and what it is.

    The key holds a digest of the content: storing the image again changes nothing, and another picture of the same
    job, put late by a worker of another revision or on other hardware, lies beside it.

    Raises:
        OSError: it is no encoded image.
    """
    with Pictures.open(io.BytesIO(data)) as picture:
        width, height = picture.size
    sha256 = hashlib.sha256(data).hexdigest()
    return StoredImage(
        key=f"{folder_of_job(row.job_id)}/{row.index}-{sha256[:_DIGITS]}.{message.output_format}",
        width=width,
        height=height,
        seed=row.request.seed,
        sha256=sha256,
        bytes=len(data),
        content_type=CONTENT_TYPES[message.output_format],
    )
