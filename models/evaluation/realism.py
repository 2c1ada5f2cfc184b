"""Can a classifier tell generated pictures from drawn ones?

A fresh network is trained on one half of the pictures and asked about the other; a half of its
answers right means that it can't tell. It notices what attributes don't: blur, smears, wrong lines.
Trained on the spot, so it was never trained against.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.evaluation.drawing import as_tensor
from models.evaluation.judge import image_trunk


@dataclass(frozen=True, kw_only=True)
class RealismTest:
    """How the classifier is trained; `blur` averages over squares of so many pixels first."""

    steps: int = 200
    batch_size: int = 32
    learning_rate: float = 1e-3
    blur: int = 1
    seed: int = 0


def share_told_apart(real: np.ndarray, generated: np.ndarray, test: RealismTest) -> float:
    """Return how often a classifier is right about pictures it wasn't trained on, uint8 (N, H, W, 3).

    The two sets are of equal size; 0.5 is as good as guessing.
    """
    halves = [_halves(images, test.blur) for images in (real, generated)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(test.seed)
        network = _trained([half for half, _ in halves], test)
    right = [_says_real(network, other) for _, other in halves]
    return float((right[0].float().mean() + 1 - right[1].float().mean()) / 2)


def _halves(images: np.ndarray, blur: int) -> tuple[Tensor, Tensor]:
    pixels = as_tensor(images)
    if blur > 1:
        pixels = functional.interpolate(functional.avg_pool2d(pixels, blur), scale_factor=blur, mode="nearest")
    return pixels[0::2], pixels[1::2]


def _trained(halves: list[Tensor], test: RealismTest) -> nn.Module:
    """Train a small network to score real pictures above zero and generated ones below."""
    network = nn.Sequential(image_trunk((32, 48, 64, 64), 64), nn.Linear(64, 1)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), test.learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, test.learning_rate, test.steps)
    answers = torch.tensor([1.0, 0.0]).repeat_interleave(test.batch_size // 2)
    for _ in range(test.steps):
        images = torch.cat([half[torch.randint(len(half), (test.batch_size // 2,))] for half in halves])
        with torch.autocast("cpu", torch.bfloat16):
            scores = network(_jittered(images)).squeeze(1).float()
        optimizer.zero_grad()
        functional.binary_cross_entropy_with_logits(scores, answers).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return network.eval()


def _jittered(images: Tensor, most: int = 4) -> Tensor:
    """Mirror half of the pictures and move all by a few pixels, so that none is learnt by heart."""
    down, right = torch.randint(-most, most + 1, (2,)).tolist()
    mirrored = torch.where(torch.rand(len(images), 1, 1, 1) < 0.5, images, images.flip(-1))
    padded = functional.pad(mirrored, (most,) * 4, mode="replicate")
    return padded[..., most + down : padded.shape[-2] - most + down, most + right : padded.shape[-1] - most + right]


@torch.inference_mode()
def _says_real(network: nn.Module, images: Tensor) -> Tensor:
    return torch.cat([network(part).squeeze(1) > 0 for part in images.split(64)])
