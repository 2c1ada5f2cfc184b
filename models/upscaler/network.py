"""The upscaler: a residual convolutional network that doubles a picture's size.

Works on quarter-resolution features (2×2 pixels per position, after Shi et al. 2016,
https://arxiv.org/abs/1609.05158), which makes it four times cheaper than one position per pixel,
and adds what it computes to a bilinear enlargement, so that flat areas cost it nothing to keep.

Shapes: N images, H and W sides in pixels, both even, C features.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.checkpoints import load_network


@dataclass(frozen=True)
class UpscalerConfig:
    """Sizes of the network."""

    width: int = 64
    num_blocks: int = 5


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions whose result is added to the input (Lim et al. 2017, EDSR)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C, h, w) from (N, C, h, w)."""
        return x + self.second(functional.silu(self.first(x)))


class Upscaler(nn.Module):
    """Doubles the size of images in [-1, 1]."""

    def __init__(self, config: UpscalerConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = nn.Conv2d(3 * 2**2, config.width, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(config.width) for _ in range(config.num_blocks)))
        self.head = nn.Conv2d(config.width, 3 * 4**2, 3, padding=1)
        nn.init.zeros_(self.head.weight)

    @classmethod
    def from_pretrained(cls, folder: Path | str) -> Self:
        """Load the upscaler saved in `folder`.

        Raises:
            CheckpointError: a file is missing or does not fit this code.
        """
        return load_network(cls, UpscalerConfig, Path(folder))

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, 3, 2H, 2W) from (N, 3, H, W), unclamped."""
        enlarged = functional.interpolate(images, scale_factor=2, mode="bilinear")
        x = self.stem(functional.pixel_unshuffle(images, 2))  # (N, C, H/2, W/2)
        details = self.head(self.blocks(x))  # (N, 48, H/2, W/2)
        return enlarged + functional.pixel_shuffle(details, 4)


@torch.inference_mode()
def enlarge(upscaler: Upscaler, images: Tensor, side: int) -> Tensor:
    """Return images (N, 3, side, side) from smaller square ones, doubling as often as it takes.

    Raises:
        ValueError: `side` is not the images' side times a power of two.
    """
    factor, rest = divmod(side, images.shape[-1])
    if rest or factor < 1 or factor & (factor - 1):
        raise ValueError(f"side must be {images.shape[-1]} times a power of two, got {side}")
    while images.shape[-1] < side:
        images = upscaler(images).clamp(-1, 1)
    return images
