"""Ask any image generator for pictures, through the same seam as the service does."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.evaluation.judge import SIDE
from models.interface import Capabilities, GenerationRequest, Image, ImageGenerator, Row


class Gathered:
    """A `Feed` that keeps the finished images and what the generator had to say."""

    def __init__(self) -> None:
        self.images: dict[str, Image] = {}
        self.warnings: dict[str, list[str]] = {}

    def progress(self, row: Row, step: int, num_steps: int) -> None:
        """Ignore."""

    def wants_preview(self, row: Row) -> bool:  # noqa: ARG002 - the form of a feed
        """Want none."""
        return False

    def preview(self, row: Row, image: Image) -> None:
        """Ignore."""

    def cancelled(self, row: Row) -> bool:  # noqa: ARG002
        """Cancel none."""
        return False

    def admit(self, room: int) -> Sequence[Row]:  # noqa: ARG002
        """Have no more."""
        return ()

    def warn(self, row: Row, message: str) -> None:
        """Keep the note."""
        self.warnings.setdefault(row.job_id, []).append(message)

    def done(self, row: Row, image: Image) -> None:
        """Keep the image."""
        self.images[row.job_id] = image


class UnusableModelError(Exception):
    """The model cannot draw what an evaluation asks for."""


def size_for(capabilities: Capabilities, wanted: int) -> int:
    """Return the wanted side of a square in pixels if the model draws it, else its smallest larger one.

    Raises:
        UnusableModelError: the model draws no square of that size or more.
    """
    if capabilities.sizes:
        sides = sorted(width for width, height in capabilities.sizes if width == height >= wanted)
    else:
        multiple = capabilities.size_multiple
        lowest = -(-max(wanted, capabilities.min_side) // multiple) * multiple
        sides = [lowest] if lowest <= capabilities.max_side else []
    if not sides:
        raise UnusableModelError(f"size: the model draws no square of {wanted} pixels or more")
    return sides[0]


def draw_prompts(
    generator: ImageGenerator,
    prompts: Sequence[str],
    seeds: Sequence[int],
    side: int,
    *,
    batch_size: int | None = None,
    drawn: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Return one image per prompt and seed, uint8 (N, side, side, 3); tell `drawn` of each batch."""
    feed, most = Gathered(), batch_size or generator.capabilities.max_batch_size
    rows = [_row(prompt, seed, side, index) for index, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True))]
    for start in range(0, len(rows), most):
        batch = rows[start : start + most]
        generator.generate(batch, feed)
        if drawn is not None:
            drawn(len(batch))
    return np.stack([feed.images[row.job_id] for row in rows])


def as_tensor(images: np.ndarray) -> Tensor:
    """Return (N, 3, 128, 128) in [-1, 1] from uint8 (N, H, W, 3), larger ones averaged down."""
    pixels = torch.from_numpy(images).movedim(-1, 1).float() / 127.5 - 1
    if pixels.shape[-2:] == (SIDE, SIDE):
        return pixels
    return functional.interpolate(pixels, size=(SIDE, SIDE), mode="area")


def in_batches(images: np.ndarray, apply: Callable[[Tensor], Tensor], batch_size: int = 64) -> Tensor:
    """Apply a network to all images, as `as_tensor` gives them, and join what it returns."""
    with torch.inference_mode():
        parts = [apply(as_tensor(images[i : i + batch_size])) for i in range(0, len(images), batch_size)]
    return torch.cat(parts).cpu()


def _row(prompt: str, seed: int, side: int, index: int) -> Row:
    return Row(GenerationRequest(prompt=prompt, width=side, height=side, seed=seed), job_id=str(index))
