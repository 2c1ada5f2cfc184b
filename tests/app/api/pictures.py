"""Pictures for tests to send."""

import base64
import io

from PIL import Image


def png(size=(128, 64), color="orange"):
    """A picture of one colour."""
    return encode(Image.new("RGB", size, color))


def mask_png(size=(128, 64), clear=(0, 0, 32, 32)):
    """A mask that is transparent in one box."""
    mask = Image.new("RGBA", size, "white")
    mask.paste((0, 0, 0, 0), clear)
    return encode(mask)


def encode(picture):
    """Encode as PNG."""
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


def data_url(data):
    """A picture's bytes as an address."""
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"
