"""What made-up requests cannot make up: pictures. Schemathesis loads this by its configuration."""

import base64
import io

import schemathesis
from hypothesis import strategies
from PIL import Image


def _picture(kind, mode="RGB"):
    data = io.BytesIO()
    Image.new(mode, (64, 64), (200, 100, 0, 0)[: len(mode)]).save(data, kind)
    return data.getvalue()


PICTURES = [
    ("png", _picture("PNG")),
    ("png", _picture("PNG", "RGBA")),
    ("jpeg", _picture("JPEG")),
    ("webp", _picture("WEBP")),
]
ADDRESSES = [f"data:image/{kind};base64,{base64.b64encode(data).decode()}" for kind, data in PICTURES]

schemathesis.openapi.format("uri", strategies.sampled_from(ADDRESSES))
schemathesis.openapi.format(
    "binary", strategies.sampled_from([data for _, data in PICTURES]) | strategies.binary(max_size=100)
)
