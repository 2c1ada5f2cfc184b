"""Encoding and the mark of generated images."""

import io
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from app.errors import UnsupportedOption
from app.provenance import DIGITAL_SOURCE_TYPE, Provenance, encode_image, read_provenance

FORMATS = ["png", "jpeg", "webp"]
ORIGIN = {"model": 'easel-"t" <&>', "model_revision": "r'1", "seed": 2**63 - 1}


@pytest.fixture
def image():
    """Make a soft gradient of 48 x 64 pixels."""
    rows, columns = np.mgrid[0:48, 0:64]
    return np.stack([rows * 5, columns * 4, (rows + columns) * 2], axis=-1).astype(np.uint8)


def encode(image, output_format, output_compression=100):
    return encode_image(image, output_format=output_format, output_compression=output_compression, **ORIGIN)


@pytest.mark.parametrize("output_format", FORMATS)
def test_origin_is_read_back(image, output_format):
    """Every format carries model, revision and seed, whatever characters they hold."""
    assert read_provenance(encode(image, output_format)) == Provenance(**ORIGIN)


@pytest.mark.parametrize("output_format", FORMATS)
def test_packet_is_well_formed_xmp(image, output_format):
    """An XML parser that knows nothing of this service finds the digital source type."""
    info = Image.open(io.BytesIO(encode(image, output_format))).info
    description = next(ET.fromstring(info["xmp"]).iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"))  # noqa: S314
    assert description.get("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType") == DIGITAL_SOURCE_TYPE


@pytest.mark.parametrize("output_format", FORMATS)
def test_same_input_gives_same_bytes(image, output_format):
    """Encoding depends on its arguments alone, so a repeated put stores the same object."""
    assert encode(image, output_format) == encode(image.copy(), output_format)


@pytest.mark.parametrize("output_format", FORMATS)
def test_picture_survives(image, output_format):
    """The decoded picture has the format, the size and, at 100, nearly the colours of the image."""
    decoded = Image.open(io.BytesIO(encode(image, output_format)))
    assert decoded.format == output_format.upper()
    difference = np.abs(np.asarray(decoded.convert("RGB"), dtype=int) - image)
    assert difference.mean() < {"png": 0.001, "jpeg": 1, "webp": 3}[output_format]


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
def test_lower_compression_value_makes_smaller_files(image, output_format):
    """`output_compression` orders the sizes from 0, the smallest, to 100."""
    sizes = [len(encode(image, output_format, value)) for value in (0, 50, 100)]
    assert sizes == sorted(set(sizes))


def test_png_refuses_compression(image):
    """PNG has no quality to choose, so a value other than 100 is refused, naming the field."""
    with pytest.raises(UnsupportedOption) as refusal:
        encode(image, "png", 80)
    assert refusal.value.param == "output_compression"


def test_foreign_images_have_no_provenance(image):
    """An image without the mark is not claimed."""
    encoded = io.BytesIO()
    Image.fromarray(image).save(encoded, "PNG")
    assert read_provenance(encoded.getvalue()) is None
