"""Least squares for the upscaler's filters, one set for each shape, from a stream of patches.

Sums of products are all that least squares needs: they are added up batch by batch, and the
filters can be solved for at any time.

Shapes: M patches, P pixels of a patch, K shapes.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.training import parallel
from models.upscaler.network import Upscaler

_RIDGE = 1e-3
"""Weight of small filters, in squared differences per patch, for shapes that are rarely seen."""


class FilterFit(nn.Module):
    """What was seen so far of each shape: how often, its mean, and products of pixels and answers."""

    seen: Tensor
    total: Tensor
    gram: Tensor
    cross: Tensor

    def __init__(self, num_shapes: int, pixels: int) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(num_shapes))
        self.register_buffer("total", torch.zeros(num_shapes, pixels))
        self.register_buffer("gram", torch.zeros(num_shapes, pixels, pixels))
        self.register_buffer("cross", torch.zeros(num_shapes, pixels, 4))

    def move_shapes(self, upscaler: Upscaler, patches: Tensor) -> None:
        """Move each shape to the mean of all patches that were ever nearest to it.

        Sculley 2010, Web-scale k-means clustering; shapes that nothing is near are put on a patch.
        """
        nearest = upscaler.nearest_shapes(patches)
        seen, total = torch.zeros_like(self.seen), torch.zeros_like(self.total)
        seen.index_add_(0, nearest, torch.ones_like(nearest, dtype=seen.dtype))
        total.index_add_(0, nearest, upscaler.normalized(patches))
        parallel.add_up([seen, total])
        self.seen += seen
        self.total += total
        upscaler.shapes.copy_(functional.normalize(self.total + 1e-6 * upscaler.shapes, dim=1))

    def place_shapes(self, upscaler: Upscaler, patches: Tensor) -> None:
        """Start every shape on a patch, chosen at random."""
        chosen = torch.randint(len(patches), (len(upscaler.shapes),), device=patches.device)
        upscaler.shapes.copy_(upscaler.normalized(patches[chosen]))

    def add(self, upscaler: Upscaler, patches: Tensor, answers: Tensor) -> None:
        """Take note of patches (M, 3, P) and what the four new pixels (M, 3, 4) should have been."""
        nearest = upscaler.nearest_shapes(patches)
        order, counts = nearest.argsort(), torch.bincount(nearest, minlength=len(self.seen)).tolist()
        gram, cross = torch.zeros_like(self.gram), torch.zeros_like(self.cross)
        for shape, members in enumerate(order.split(counts)):
            if len(members):
                x, y = patches[members].flatten(0, 1), answers[members].flatten(0, 1)
                gram[shape], cross[shape] = x.T @ x, x.T @ y
        parallel.add_up([gram, cross])
        self.gram += gram
        self.cross += cross

    def solve(self, upscaler: Upscaler) -> None:
        """Set the filters that answer best for everything noted so far."""
        size = self.gram.diagonal(dim1=1, dim2=2).mean(dim=1).clamp(min=1e-3)
        ridge = _RIDGE * size[:, None, None] * torch.eye(self.gram.shape[-1], device=size.device)
        upscaler.filters.copy_(torch.linalg.solve(self.gram + ridge, self.cross).transpose(1, 2))
