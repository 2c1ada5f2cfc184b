"""Reads pictures that clients send: untrusted bytes in, plain pixels out, bounded in size and in work.

Only the pixels are kept: upright as EXIF says, without profiles, comments and places. What a decoder could be
made to work on for ever, or what is more than one picture, is refused.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PIL import Image as PillowImage
from PIL import ImageOps, UnidentifiedImageError

from app.errors import InvalidImage

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

FORMATS = ("PNG", "JPEG", "WEBP")
_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}
_MOST_SCANS = 100  # of a JPEG; each is a pass over all pixels, and a file of some kB can hold thousands
_START_OF_SCAN, _END_OF_JPEG = b"\xff\xda", b"\xff\xd9"
_END_OF_PNG = b"\0\0\0\0IEND\xaeB`\x82"
_OPAQUE = 255


@dataclass(frozen=True, slots=True)
class InputPicture:
    """A picture in RGB and, where only a part is to be drawn anew, that part: 255 in a mask (L) of the same size."""

    image: PillowImage.Image
    mask: PillowImage.Image | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.size

    def whole(self) -> PillowImage.Image:
        """Return one picture again, transparent where it is to be drawn anew."""
        if self.mask is None:
            return self.image
        whole = self.image.convert("RGBA")
        whole.putalpha(self.mask.point(lambda level: _OPAQUE - level))
        return whole

    def scaled(self, width: int, height: int) -> InputPicture:
        """Return the picture at the size that is drawn; every pixel that the mask touches stays masked."""
        if self.size == (width, height):
            return self
        mask = self.mask
        if mask is not None:
            mask = mask.resize((width, height), PillowImage.Resampling.BOX).point(lambda level: _OPAQUE if level else 0)
        return replace(self, image=self.image.resize((width, height), PillowImage.Resampling.LANCZOS), mask=mask)


def read_picture(image: bytes, mask: bytes | None, max_pixels: int) -> InputPicture:
    """Decode an uploaded image and its mask, whose transparent part is what to draw anew.

    Without a mask, the transparent part of the image itself is.

    Raises:
        InvalidImage: one of them is no single whole PNG, JPEG or WebP picture of at most `max_pixels`, or the mask does
            not fit; `param` is "image" or "mask".
    """
    picture = _decoded(image, max_pixels, param="image")
    if mask is None:
        return InputPicture(_flat(picture), _clear_part(picture))
    stencil = _decoded(mask, max_pixels, param="mask")
    if stencil.size != picture.size:
        raise InvalidImage(f"mask is {_size(stencil)}, but image is {_size(picture)}", param="mask")
    clear = _clear_part(stencil)
    if clear is None:
        raise InvalidImage("mask has no transparent part: transparent is what is drawn anew", param="mask")
    return InputPicture(_flat(picture), clear)


def png(picture: PillowImage.Image) -> bytes:
    """Encode pixels, and nothing else."""
    encoded = io.BytesIO()
    picture.save(encoded, "PNG", compress_level=3)
    return encoded.getvalue()


def _decoded(data: bytes, max_pixels: int, *, param: str) -> PillowImage.Image:
    try:
        with PillowImage.open(io.BytesIO(data), formats=FORMATS) as picture:
            _check(picture, data, max_pixels)
            picture.load()
            return ImageOps.exif_transpose(picture).convert("RGBA")
    except InvalidImage as error:
        raise InvalidImage(f"{param} {error.detail}", param=param) from error
    except UnidentifiedImageError as error:
        raise InvalidImage(f"{param} is no PNG, JPEG or WebP picture", param=param) from error
    except (PillowImage.DecompressionBombError, PillowImage.DecompressionBombWarning) as error:
        raise InvalidImage(f"{param} has more than {max_pixels} pixels", param=param) from error
    except Exception as error:  # a decoder may raise anything over foreign bytes
        raise InvalidImage(f"{param} is damaged", param=param) from error


def _check(picture: ImageFile, data: bytes, max_pixels: int) -> None:
    """Refuse, before a pixel is decoded, what is too much or not one picture."""
    width, height = picture.size
    if width * height > max_pixels:
        raise InvalidImage(f"has {width}x{height} pixels, more than {max_pixels}")
    if picture.mode not in _MODES:
        raise InvalidImage(f"is of kind {picture.mode}; 8 bits for each colour are read")
    if picture.format != "MPO" and getattr(picture, "is_animated", False):
        raise InvalidImage("is animated; one picture is read")
    if picture.format == "JPEG" and data.count(_START_OF_SCAN) > _MOST_SCANS:
        raise InvalidImage(f"has more than {_MOST_SCANS} scans")
    if data[_end_of(picture, data) :].strip(b"\0"):
        raise InvalidImage("is followed by something else in the same file")


def _end_of(picture: ImageFile, data: bytes) -> int:
    """Find where the picture ends; one that has no end is damaged, and decoding will say so."""
    if picture.format == "WEBP":
        length: int = struct.unpack_from("<I", data, 4)[0]
        return 8 + length + length % 2
    if picture.format == "PNG":
        end = data.find(_END_OF_PNG)
        return len(data) if end < 0 else end + len(_END_OF_PNG)
    if picture.format == "MPO":  # a camera's JPEG with a second one, such as a gain map, behind it
        return len(data)
    end = data.find(_END_OF_JPEG, _first_scan(data))
    return len(data) if end < 0 else end + len(_END_OF_JPEG)


def _first_scan(data: bytes) -> int:
    """Step over a JPEG's leading segments, which may hold a small picture of their own."""
    at = len(_START_OF_SCAN)
    while at < len(data) and data[at : at + 2] != _START_OF_SCAN:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at


def _flat(picture: PillowImage.Image) -> PillowImage.Image:
    """Lay a picture (RGBA) on white."""
    paper = PillowImage.new("RGBA", picture.size, "white")
    return PillowImage.alpha_composite(paper, picture).convert("RGB")


def _clear_part(picture: PillowImage.Image) -> PillowImage.Image | None:
    """Return what is fully transparent of a picture (RGBA) as 255, or None if nothing is."""
    clear = picture.getchannel("A").point(lambda alpha: 0 if alpha else _OPAQUE)
    return clear if clear.getbbox() else None


def _size(picture: PillowImage.Image) -> str:
    return f"{picture.width}x{picture.height}"
