"""What happens to a drawing before the judge learns from it: small faults, and ruin.

Pictures are uint8 RGB (H, W, 3). A picture with a fault still shows what it shows. A ruined one has
the book's colours and edges and shows nothing: without such examples a classifier of attributes
finds a robot in any stack of bars.
"""

import io

import numpy as np
from PIL import Image, ImageFilter

FAULTS = ("clean", "soft", "noisy", "compressed")
RUINED = "ruined"


def with_fault(image: np.ndarray, fault: str, rng: np.random.Generator) -> np.ndarray:
    """Return the picture with one of ``FAULTS``, moved by a few pixels."""
    moved = _moved(image, rng)
    if fault == "soft":
        return np.asarray(Image.fromarray(moved).filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.8))))
    if fault == "noisy":
        noise = rng.standard_normal(moved.shape, dtype=np.float32) * rng.uniform(4, 16)
        noisy: np.ndarray = np.clip(moved + noise, 0, 255).astype(np.uint8)
        return noisy
    if fault == "compressed":
        return _compressed(moved, quality=int(rng.integers(15, 60)))
    return moved


def ruined(image: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a picture that shows nothing any more: warped, smeared, shuffled or mixed with another."""
    way = rng.integers(4)
    if way == 0:
        return _shuffled(image, rng)
    if way == 1:
        return _mixed(image, other, rng)
    if way == 2:
        return _smeared(image, rng)
    return _warped(image, rng)


def _moved(image: np.ndarray, rng: np.random.Generator, most: int = 3) -> np.ndarray:
    down, right = rng.integers(0, 2 * most + 1, size=2)
    padded = np.pad(image, ((most, most), (most, most), (0, 0)), mode="edge")
    return padded[down : down + image.shape[0], right : right + image.shape[1]]


def _compressed(image: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def _tiles(image: np.ndarray, side: int) -> np.ndarray:
    """Return (rows, columns, side, side, 3)."""
    height, width, _ = image.shape
    return image.reshape(height // side, side, width // side, side, 3).swapaxes(1, 2)


def _joined(tiles: np.ndarray) -> np.ndarray:
    rows, columns, side = tiles.shape[:3]
    return tiles.swapaxes(1, 2).reshape(rows * side, columns * side, 3)


def _shuffled(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    tiles = _tiles(image, int(rng.choice([8, 16, 32])))
    return _joined(rng.permutation(tiles.reshape(-1, *tiles.shape[2:])).reshape(tiles.shape))


def _mixed(image: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Take tiles of either picture by the toss of a coin."""
    side = int(rng.choice([8, 16]))
    ours, theirs = _tiles(image, side), _tiles(other, side)
    return _joined(np.where(rng.random((*ours.shape[:2], 1, 1, 1)) < 0.5, ours, theirs))


def _smeared(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Average along rows or columns over a fifth to a half of the picture."""
    axis, length = int(rng.integers(2)), int(rng.integers(image.shape[0] // 5, image.shape[0] // 2))
    sums = np.cumsum(np.pad(image, [(length, 0) if a == axis else (0, 0) for a in range(3)], mode="wrap"), axis, float)
    ends = np.take(sums, range(length, sums.shape[axis]), axis)
    starts = np.take(sums, range(sums.shape[axis] - length), axis)
    means: np.ndarray = ((ends - starts) / length).astype(np.uint8)
    return means


def _warped(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move every pixel by a smooth random field of about a tenth of the picture."""
    height, width, _ = image.shape
    reach = height * rng.uniform(0.08, 0.16)
    down, right = (_smooth_field(height, width, rng) * reach for _ in range(2))
    rows = np.clip(np.arange(height)[:, None] + down, 0, height - 1).astype(int)
    columns = np.clip(np.arange(width)[None, :] + right, 0, width - 1).astype(int)
    warped: np.ndarray = image[rows, columns]
    return warped


def _smooth_field(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    knots = Image.fromarray(rng.standard_normal((9, 9), dtype=np.float32))
    return np.asarray(knots.resize((width, height), Image.Resampling.BICUBIC))
