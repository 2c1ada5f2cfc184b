"""The judge: a small network that answers for every attribute of the picture book what a picture shows.

Its penultimate features are also what our own FID, KID and perceptual distance are measured in. It
is trained on the book's drawings only, never on what a generator made, and no generator is ever
trained against it.

Shapes: B batch, F features, images are (B, 3, 128, 128) in [-1, 1].
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.checkpoints import load_network, save_network

SIDE = 128
"""Pixels along the side of a picture as the judge sees it."""
STEM = 4
"""Pixels folded into channels before the first convolution."""


@dataclass(frozen=True)
class JudgeConfig:
    """Sizes, and for each attribute the answers in the order of the outputs."""

    answers: Mapping[str, Sequence[str]]
    widths: tuple[int, ...] = field(default=(64, 96, 128, 128))
    feature_size: int = 256


class Residual(nn.Module):
    """A normalised convolution and a projection beside a straight path."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.convolve = nn.Conv2d(width, width, 3, padding=1)
        self.project = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, h, w) from the same."""
        update: Tensor = self.project(functional.silu(self.convolve(self.norm(x))))
        return x + update


def image_trunk(widths: tuple[int, ...], feature_size: int) -> nn.Sequential:
    """Return a network from images (B, 3, 128, 128) to features (B, F)."""
    layers: list[nn.Module] = [
        nn.PixelUnshuffle(STEM),  # (B, 48, 32, 32)
        nn.Conv2d(3 * STEM**2, widths[0], 3, padding=1),
        nn.SiLU(),
    ]
    for narrow, wide in itertools.pairwise(widths):
        layers += [nn.Conv2d(narrow, wide, 2, stride=2), Residual(wide)]  # each halves the grid
    grid = SIDE // STEM // 2 ** (len(widths) - 1)
    layers += [nn.Flatten(), nn.Linear(widths[-1] * grid**2, feature_size), nn.SiLU()]
    return nn.Sequential(*layers)


class Judge(nn.Module):
    """Features of a picture, and from them one answer for each attribute."""

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = image_trunk(config.widths, config.feature_size)
        self.head = nn.Linear(config.feature_size, sum(map(len, config.answers.values())))

    @classmethod
    def from_pretrained(cls, folder: Path | str) -> Self:
        """Load the judge saved in ``folder``.

        Raises:
            CheckpointError: a file is missing or does not fit this code.
        """
        return load_network(cls, JudgeConfig, Path(folder))

    def save_pretrained(self, folder: Path | str) -> None:
        """Write the weights in half precision and the config to ``folder``."""
        save_network(self, self.config, Path(folder))

    def features(self, images: Tensor) -> Tensor:
        """Return (B, F) for images (B, 3, 128, 128)."""
        features: Tensor = self.trunk(images)
        return features

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return logits (B, answers) for each attribute."""
        return self.logits(self.features(images))

    def logits(self, features: Tensor) -> dict[str, Tensor]:
        """Return logits (B, answers) for each attribute, from features (B, F)."""
        sizes = [len(answers) for answers in self.config.answers.values()]
        return dict(zip(self.config.answers, self.head(features).split(sizes, dim=1), strict=True))

    @torch.no_grad()
    def answer(self, images: Tensor) -> list[dict[str, str]]:
        """Return the most probable value of every attribute, for each image."""
        best = {name: logits.argmax(dim=1).tolist() for name, logits in self(images).items()}
        return [
            {name: self.config.answers[name][rows[index]] for name, rows in best.items()}
            for index in range(len(images))
        ]
