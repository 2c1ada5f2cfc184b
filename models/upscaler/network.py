"""The upscaler: doubles a picture's size with filters chosen by the shape of what they look at.

Around every pixel that is not in a flat area, the patch's brightness, freed of its mean and
contrast, is matched with the nearest of many learned shapes; the shape's four linear filters then
give the four new pixels, the same in each colour. This is anchored neighbourhood regression
(Timofte et al. 2014, A+; Romano et al. 2016, RAISR, https://arxiv.org/abs/1606.01299): its
filters are found by least squares, so that minutes of one processor core are enough.

Shapes: N images, H and W sides in pixels, M pixels off flat areas, P pixels of a patch, K shapes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.checkpoints import load_network

_BRIGHTNESS = (0.35, 0.5, 0.15)


@dataclass(frozen=True)
class UpscalerConfig:
    """`patch` is a side in pixels; below `flat`, a difference of brightness in [-1, 1], nothing is drawn anew."""

    patch: int = 7
    num_shapes: int = 1024
    flat: float = 0.1


class Upscaler(nn.Module):
    """Doubles the size of images in [-1, 1]."""

    def __init__(self, config: UpscalerConfig) -> None:
        super().__init__()
        self.config = config
        pixels = config.patch**2
        self.shapes = nn.Parameter(torch.randn(config.num_shapes, pixels), requires_grad=False)
        self.filters = nn.Parameter(torch.zeros(config.num_shapes, 4, pixels), requires_grad=False)

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
        where = self.edges(images)
        patches = self.patches(images, where)
        drawn = torch.einsum("mcp,mkp->mck", patches, self.filters[self.nearest_shapes(patches)])
        # No brighter or darker than what is near: least squares would leave halos along edges.
        lowest, highest = patches.amin(dim=2, keepdim=True), patches.amax(dim=2, keepdim=True)
        drawn = drawn.clamp(lowest, highest) + images.movedim(1, -1)[where][:, :, None]  # (M, 3, 4)
        new_pixels = functional.pixel_unshuffle(enlarged, 2).unflatten(1, (3, 4)).permute(0, 3, 4, 1, 2)
        new_pixels[where] = drawn
        return functional.pixel_shuffle(new_pixels.permute(0, 3, 4, 1, 2).flatten(1, 2), 2)

    def edges(self, images: Tensor) -> Tensor:
        """Return which pixels (N, H, W) are not in a flat area."""
        brightness = _brightness(images, dim=1)[:, None]
        brightest, darkest = (functional.max_pool2d(x, 3, 1, padding=1) for x in (brightness, -brightness))
        return (brightest + darkest)[:, 0] > self.config.flat

    def patches(self, images: Tensor, where: Tensor) -> Tensor:
        """Return the patches (M, 3, P) around chosen pixels, relative to the pixel itself."""
        side = self.config.patch
        padded = functional.pad(images, [side // 2] * 4, mode="replicate")
        windows = padded.unfold(2, side, 1).unfold(3, side, 1).movedim(1, 3)  # (N, H, W, 3, side, side)
        return windows[where].flatten(2) - images.movedim(1, -1)[where][:, :, None]

    def normalized(self, patches: Tensor) -> Tensor:
        """Return the shapes (M, P) of patches: brightness of mean zero and length one."""
        brightness = _brightness(patches, dim=1)
        return functional.normalize(brightness - brightness.mean(dim=1, keepdim=True), dim=1)

    def nearest_shapes(self, patches: Tensor) -> Tensor:
        """Return the index (M,) of each patch's nearest shape."""
        return (self.normalized(patches) @ functional.normalize(self.shapes, dim=1).T).argmax(dim=1)


def _brightness(colors: Tensor, dim: int) -> Tensor:
    weights = torch.tensor(_BRIGHTNESS, dtype=colors.dtype, device=colors.device)
    return torch.tensordot(colors, weights, dims=([dim], [0]))


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
