"""Networks that judge latents; used in training only.

`Discriminator` tells drawn from generated, given a caption. `DualEncoder` puts captions and
latents into one space, for guidance. `Posterior` finds the noise that explains a picture.

Shapes: B batch, C latent channels, F features, E embedding.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.gan.networks import GanConfig, TextEncoder


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions without normalisation, the second starting at zero (R3GAN's blocks)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.normal_(self.second.weight, std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, F, h, w) from (B, F, h, w)."""
        activated = functional.leaky_relu(x, 0.2)
        convolved: Tensor = self.second(functional.leaky_relu(self.first(activated), 0.2))
        return x + convolved


class Trunk(nn.Module):
    """Latents (B, C, 16, 16) to features (B, F, 4, 4), modulated by a condition where one is given."""

    def __init__(self, channels: int, widths: tuple[int, int, int], condition_size: int = 0) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.stages = nn.ModuleList(nn.Sequential(ResidualBlock(w), ResidualBlock(w)) for w in widths)
        self.widenings = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in pairwise(widths))
        modulated = widths[1:] if condition_size else ()
        self.modulations = nn.ModuleList(nn.Linear(condition_size, 2 * w) for w in modulated)

    def forward(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return (B, F, 4, 4); `condition` is (B, E)."""
        x = self.stages[0](self.stem(latents))
        for index, (widen, stage) in enumerate(zip(self.widenings, self.stages[1:], strict=True)):
            x = widen(functional.avg_pool2d(x, 2))
            if condition is not None:
                scale, shift = self.modulations[index](condition)[:, :, None, None].chunk(2, dim=1)
                x = x * (1 + scale) + shift
            x = stage(x)
        return functional.leaky_relu(x, 0.2)


class Discriminator(nn.Module):
    """Scores latents by themselves and by their projection on the caption.

    After Miyato and Koyama 2018, https://arxiv.org/abs/1802.05637. The caption comes as the
    embedding of a frozen text encoder.
    """

    def __init__(self, channels: int, widths: tuple[int, int, int], embedding_size: int) -> None:
        super().__init__()
        self.caption = nn.Sequential(nn.Linear(embedding_size, 256), nn.LeakyReLU(0.2), nn.Linear(256, 256))
        self.trunk = Trunk(channels, widths, condition_size=256)
        self.unconditional = nn.Linear(widths[-1] * 16, 1)
        self.projection = nn.Linear(widths[-1] * 16, 256)

    def forward(self, latents: Tensor, embeddings: Tensor) -> Tensor:
        """Return scores (B,), higher for drawn pictures that fit their caption."""
        caption = self.caption(embeddings)
        features = self.trunk(latents, functional.leaky_relu(caption, 0.2)).flatten(1)  # (B, 16F)
        fit = (self.projection(features) * caption).mean(dim=1)
        return self.unconditional(features).squeeze(1) + fit


class DualEncoder(nn.Module):
    """Embeds captions and latents so that those that belong together are close (CLIP)."""

    def __init__(self, config: GanConfig, widths: tuple[int, int, int], embedding_size: int = 256) -> None:
        super().__init__()
        self.text_encoder = TextEncoder(config)
        self.text_head = nn.Linear(config.text_queries * config.text_width, embedding_size)
        self.trunk = Trunk(config.latent_channels, widths)
        self.image_head = nn.Linear(widths[-1] * 16, embedding_size)
        self.log_scale = nn.Parameter(torch.tensor(2.5))

    def embed_text(self, text_tokens: Tensor) -> Tensor:
        """Return unit vectors (B, E) from integers (B, T)."""
        return functional.normalize(self.text_head(self.text_encoder(text_tokens)), dim=1)

    def embed_latents(self, latents: Tensor) -> Tensor:
        """Return unit vectors (B, E) from (B, C, 16, 16)."""
        return functional.normalize(self.image_head(self.trunk(latents).flatten(1)), dim=1)


class Posterior(nn.Module):
    """Guesses the noise that would have led to given latents, as a Gaussian."""

    def __init__(self, config: GanConfig) -> None:
        super().__init__()
        self.colors = nn.Conv2d(config.latent_channels, 12, 1)
        self.layers = nn.Sequential(
            nn.Linear(12 * config.grid**2, 512), nn.SiLU(), nn.Linear(512, 512), nn.SiLU()
        )  # fmt: skip
        self.head = nn.Linear(512, 2 * config.z_size)

    def forward(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance, each (B, Z)."""
        mean, log_variance = self.head(self.layers(self.colors(latents).flatten(1))).chunk(2, dim=1)
        return mean, log_variance.clamp(-8, 4)
