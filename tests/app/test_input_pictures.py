"""Uploaded pictures: what is read of them, and all that is refused before it can do harm."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from app.errors import InvalidImage
from app.input_pictures import png, read_picture

SIZE = (24, 16)
PICTURE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (16, 24, 3), np.uint8))
MAX_PIXELS = 10_000


def encoded(picture=PICTURE, kind="PNG", **options):
    data = io.BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


def with_alpha(*, clear_columns):
    """A picture whose first columns are transparent."""
    alpha = np.full((16, 24), 255, np.uint8)
    alpha[:, :clear_columns] = 0
    picture = PICTURE.copy()
    picture.putalpha(Image.fromarray(alpha))
    return picture


def read(data, mask=None):
    return read_picture(data, mask, MAX_PIXELS)


def png_header(width, height):
    """A PNG that says it is large and holds nothing."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\0")
    chunks = b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, data))
    return b"\x89PNG\r\n\x1a\n" + chunks + b"\0\0\0\0IEND\xaeB`\x82"


def jpeg_of_many_scans(scans):
    """A small progressive JPEG that repeats its last scan."""
    data = encoded(kind="JPEG", progressive=True)
    last = data.rfind(b"\xff\xda")
    return data[:-2] + data[last:-2] * scans + data[-2:]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_pixels_are_read_as_they_are(kind):
    """Nothing is lost of a lossless picture."""
    picture = read(encoded(kind=kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert np.array_equal(np.asarray(picture.image), np.asarray(PICTURE))
    assert (picture.size, picture.mask) == (SIZE, None)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK"])
def test_other_kinds_of_colour_become_rgb(mode):
    """Bitmaps, greys, palettes and print colours are pictures too."""
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert read(encoded(PICTURE.convert(mode), kind)).image.mode == "RGB"


def test_pictures_are_turned_upright_and_lose_their_metadata():
    """A camera held sideways says so in EXIF, beside the place where it was."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    exif.get_ifd(0x8825)[1] = "N"
    picture = read(encoded(kind="JPEG", exif=exif, comment=b"secret", icc_profile=b"x" * 200))
    stored = Image.open(io.BytesIO(png(picture.image)))
    assert stored.size == (16, 24)
    assert stored.info == {}


def test_what_a_mask_leaves_transparent_is_drawn_anew():
    """OpenAI's meaning: alpha 0 = edit; half-transparent is kept."""
    mask = with_alpha(clear_columns=5)
    mask.putpixel((20, 3), (0, 0, 0, 1))
    drawn = np.asarray(read(encoded(), encoded(mask)).mask)
    assert (drawn[:, :5] == 255).all()
    assert not drawn[:, 5:].any()


def test_a_transparent_image_is_its_own_mask():
    """Without a mask, the image's transparent part is drawn anew; what it hides does not shine through."""
    picture = read(encoded(with_alpha(clear_columns=7)))
    assert picture.mask.getbbox() == (0, 0, 7, 16)
    assert picture.image.getpixel((3, 3)) == (255, 255, 255)


def test_scaling_keeps_every_masked_pixel():
    """What the mask only touches stays masked, and there is nothing between masked and not."""
    picture = read(encoded(), encoded(with_alpha(clear_columns=5))).scaled(12, 8)
    assert picture.size == picture.mask.size == (12, 8)
    assert picture.mask.getbbox() == (0, 0, 3, 8)
    assert set(picture.mask.tobytes()) == {0, 255}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no PNG, JPEG or WebP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no PNG, JPEG or WebP"),
        (encoded(kind="GIF"), "no PNG, JPEG or WebP"),
        (encoded(kind="TIFF"), "no PNG, JPEG or WebP"),
        (encoded()[:-40], "damaged"),
        (encoded(kind="JPEG")[:-300], "damaged"),
        (encoded(kind="WEBP")[:-30], "damaged"),
        (png_header(24, 16), "damaged"),
        (png_header(101, 100), "more than 10000"),
        (png_header(12_000, 12_000), "more than 10000"),
        (png_header(60_000, 60_000), "more than 10000"),
        (encoded() + b"PK\x03\x04", "followed by something else"),
        (encoded(kind="JPEG") + b"<script>", "followed by something else"),
        (encoded(kind="WEBP") + b"%PDF-1.7", "followed by something else"),
        (encoded(save_all=True, append_images=[PICTURE.rotate(180)]), "animated"),
        (encoded(kind="WEBP", save_all=True, append_images=[PICTURE.rotate(180)]), "animated"),
        (encoded(Image.new("I;16", SIZE)), "8 bits"),
        (jpeg_of_many_scans(200), "scans"),
    ],
)
def test_what_is_no_single_whole_picture_is_refused(data, reason):
    """Foreign formats, damage, bombs, polyglots and animations end here, by name."""
    with pytest.raises(InvalidImage, match=reason) as caught:
        read(data)
    assert caught.value.param == "image"


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (encoded(), "no transparent part"),
        (encoded(with_alpha(clear_columns=0)), "no transparent part"),
        (encoded(with_alpha(clear_columns=5).resize((12, 8))), "mask is 12x8, but image is 24x16"),
        (b"nothing", "mask is no PNG"),
    ],
)
def test_a_mask_that_says_nothing_is_refused(mask, reason):
    """The error names the mask."""
    with pytest.raises(InvalidImage, match=reason) as caught:
        read(encoded(), mask)
    assert caught.value.param == "mask"


def test_cameras_with_a_second_picture_behind_are_read():
    """A phone's JPEG may carry a gain map: its first picture counts."""
    data = encoded(kind="MPO", save_all=True, append_images=[PICTURE.resize((12, 8))])
    assert read(data).size == SIZE
