"""What the OpenAI door answers: finished images in OpenAI's shape, the seed of each beside it."""

from __future__ import annotations

import asyncio
import base64
import math
from typing import Literal, TypeAlias

from pydantic import BaseModel, Field

from app.api.answers import LinkSigner
from app.api.dependencies import Gateway
from app.errors import JobCanceled, JobFailed, ModerationBlocked
from app.messages import JobRecord, JobStatus, OutputFormat, StoredImage

ResponseFormat: TypeAlias = Literal["url", "b64_json"]
_REFUSED_PICTURE = {ModerationBlocked.code, "content_refused"}  # by the operator's check; by the model's own
TOKEN_SIDE = 16  # pixels: an image token is a square of this side


class ImageData(BaseModel):
    """One image, as a link or as its bytes."""

    url: str | None = None
    b64_json: str | None = None
    seed: int


class InputTokens(BaseModel):
    """Where the input tokens are from."""

    text_tokens: int
    image_tokens: int


class Usage(BaseModel):
    """A measure of work that is the same for every model: words and squares in, squares of 16 by 16 pixels out."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: InputTokens


class Images(BaseModel):
    """OpenAI's answer; the seed of each image stands beside it."""

    created: int = Field(description="Unix seconds.")
    data: list[ImageData]
    background: Literal["opaque"] = "opaque"
    output_format: OutputFormat
    quality: Literal["standard"] = "standard"
    size: str = Field(examples=["128x128"])
    usage: Usage


async def images_answer(
    record: JobRecord, response_format: ResponseFormat, gateway: Gateway, links: LinkSigner
) -> Images:
    """Show the images of a job that has ended.

    Raises:
        JobCanceled, JobFailed, ModerationBlocked: it has none.
        StorageUnavailable: they cannot be read now.
    """
    stored = stored_images(record)
    return Images(
        created=int(record.created_at.timestamp()),
        data=await asyncio.gather(*(_image_data(image, response_format, gateway, links) for image in stored)),
        output_format=record.message.output_format,
        size=size_of(record),
        usage=usage_of(record),
    )


def stored_images(record: JobRecord) -> tuple[StoredImage, ...]:
    """Return the images of a job that has ended.

    Raises:
        JobCanceled, JobFailed, ModerationBlocked: it has none.
    """
    if record.status is JobStatus.CANCELED:
        raise JobCanceled(f"job {record.id} was canceled")
    if record.outcome is None:
        raise JobFailed("internal_error", f"job {record.id} ended without an outcome")
    if record.outcome.error:
        if record.outcome.error.code in _REFUSED_PICTURE:
            raise ModerationBlocked(record.outcome.error.message)
        raise JobFailed(record.outcome.error.code, record.outcome.error.message)
    return record.outcome.images


async def image_base64(image: StoredImage, gateway: Gateway) -> str:
    """Read an image from storage.

    Raises:
        StorageUnavailable, ObjectNotFound: it cannot be read.
    """
    return base64.b64encode(await asyncio.to_thread(gateway.store.get, image.key)).decode()


def size_of(record: JobRecord) -> str:
    """Write the size of a job's images as the door does."""
    return f"{record.message.request.width}x{record.message.request.height}"


def usage_of(record: JobRecord) -> Usage:
    """Measure a job."""
    request = record.message.request
    words = len(f"{request.prompt} {request.negative_prompt or ''}".split())
    squares = math.ceil(request.width / TOKEN_SIDE) * math.ceil(request.height / TOKEN_SIDE)
    read, drawn = squares if request.image else 0, squares * request.num_images
    return Usage(
        input_tokens=words + read,
        output_tokens=drawn,
        total_tokens=words + read + drawn,
        input_tokens_details=InputTokens(text_tokens=words, image_tokens=read),
    )


async def _image_data(
    image: StoredImage, response_format: ResponseFormat, gateway: Gateway, links: LinkSigner
) -> ImageData:
    if response_format == "url":
        return ImageData(url=links.sign(image.key), seed=image.seed)
    return ImageData(b64_json=await image_base64(image, gateway), seed=image.seed)
