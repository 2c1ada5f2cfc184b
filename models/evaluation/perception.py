"""How different two pictures look: distance of deep features, position by position.

After LPIPS (Zhang et al. 2018, https://arxiv.org/abs/1801.03924, equation 1) without its learned
weights, and in the features of our own judge: "picture-book perceptual distance".

Shapes: B batch, C channels, h and w positions; images are (B, 3, 128, 128) in [-1, 1].
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.evaluation.drawing import as_tensor
from models.evaluation.judge import Judge, Residual


@torch.inference_mode()
def perceptual_distances(judge: Judge, first: Tensor, second: Tensor) -> Tensor:
    """Return (B,) distances between images, from 0 for equal ones."""
    layers = zip(deep_features(judge, first), deep_features(judge, second), strict=True)
    return torch.stack([_layer_distance(one, other) for one, other in layers]).mean(dim=0)


def diversity(judge: Judge, images: np.ndarray) -> float:
    """Return the mean distance between any two of the images, uint8 (N, H, W, 3)."""
    first, second = zip(*combinations(range(len(images)), 2), strict=True)
    pixels = as_tensor(images)
    return float(perceptual_distances(judge, pixels[list(first)], pixels[list(second)]).mean())


def paired_distance(judge: Judge, images: np.ndarray, others: np.ndarray) -> float:
    """Return the mean distance between images and others of the same index, uint8 (N, H, W, 3)."""
    parts = [
        perceptual_distances(judge, as_tensor(images[i : i + 64]), as_tensor(others[i : i + 64]))
        for i in range(0, len(images), 64)
    ]
    return float(torch.cat(parts).mean())


def deep_features(judge: Judge, images: Tensor) -> Iterator[Tensor]:
    """Yield (B, C, h, w) after the first convolution and after each residual block."""
    x = images
    for index, layer in enumerate(judge.trunk):
        if isinstance(layer, nn.Flatten):
            return
        x = layer(x)
        if isinstance(layer, Residual) or (index and isinstance(layer, nn.SiLU)):
            yield x


def _layer_distance(one: Tensor, other: Tensor) -> Tensor:
    """Return (B,): squared distance of unit feature vectors, averaged over positions."""
    difference = functional.normalize(one, dim=1) - functional.normalize(other, dim=1)
    return difference.square().sum(dim=1).mean(dim=(1, 2))
