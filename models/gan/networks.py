"""The generator: words and noise `z` in, the image tokenizer's continuous latents out, in one pass.

Most of its weights are dense layers that compose the whole picture at once on a coarse grid: they
cost little time per weight, and the scenes of the book are compositions. Two scales of
convolutions then draw, each modulated by the same style (as in StyleGAN, Karras et al. 2019,
https://arxiv.org/abs/1812.04948), which is made of the caption and of `w`, mapped from `z`.

Shapes: B batch, T text tokens, E text width, Q text queries, S style width, Z noise,
C latent channels, F features, G grid side in latents.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.transformer.layers import Attention, GatedMlp


@dataclass(frozen=True)
class GanConfig:
    """Sizes of the generator; `coarse_width` and `fine_width` are features at half and full grid."""

    vocabulary_size: int
    latent_channels: int
    text_length: int = 24
    text_width: int = 128
    text_layers: int = 2
    text_queries: int = 6
    grid: int = 16
    z_size: int = 32
    style_width: int = 768
    style_layers: int = 3
    coarse_width: int = 128
    coarse_blocks: int = 2
    fine_width: int = 64
    fine_blocks: int = 2


class TextLayer(nn.Module):
    """One layer of the text encoder, in which every word sees every other."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(width)
        self.attention = Attention(width, head_width=32)
        self.mlp_norm = nn.RMSNorm(width)
        self.mlp = GatedMlp(width, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, T, E) from (B, T, E)."""
        normed = self.attention_norm(x)
        keys, values = self.attention.keys_values(normed)
        x = x + self.attention.attend(self.attention.queries(normed), keys, values, None)
        return x + self.mlp(self.mlp_norm(x))


class TextEncoder(nn.Module):
    """Sums up a text of fixed length in one vector; padding is a word like any other."""

    def __init__(self, config: GanConfig) -> None:
        super().__init__()
        width = config.text_width
        self.words = nn.Embedding(config.vocabulary_size, width)
        self.positions = nn.Parameter(torch.randn(config.text_length, width) * 0.1)
        self.layers = nn.Sequential(*(TextLayer(width) for _ in range(config.text_layers)))
        self.norm = nn.RMSNorm(width)
        self.queries = nn.Linear(width, config.text_queries)
        nn.init.normal_(self.words.weight, std=0.5)

    def forward(self, text_tokens: Tensor) -> Tensor:
        """Return features (B, Q·E) from integers (B, T): for each query, a mean over the words it looks at."""
        x = self.norm(self.layers(self.words(text_tokens) + self.positions))  # (B, T, E)
        looks = self.queries(x).softmax(dim=1)  # (B, T, Q)
        return (looks.transpose(1, 2) @ x).flatten(1)


class DenseBlock(nn.Module):
    """A gated residual layer over the whole style."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width)
        self.mlp = GatedMlp(width, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, S) from (B, S)."""
        return x + self.mlp(self.norm(x))


class ModulatedBlock(nn.Module):
    """Two 3x3 convolutions beside a straight path; the style scales and shifts what they see."""

    def __init__(self, width: int, style_width: int) -> None:
        super().__init__()
        self.modulation = nn.Linear(style_width, 2 * width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.normal_(self.modulation.weight, std=0.02)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Return (B, F, h, w) from features of the same shape and a style (B, S)."""
        scale, shift = self.modulation(style)[:, :, None, None].chunk(2, dim=1)
        normed = x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-6)
        drawn = functional.silu(self.first(normed * (1 + scale) + shift))
        return x + self.second(drawn)


class Generator(nn.Module):
    """Draws latents from text features and noise."""

    def __init__(self, config: GanConfig) -> None:
        super().__init__()
        self.config = config
        style, coarse, fine = config.style_width, config.coarse_width, config.fine_width
        self.text_encoder = TextEncoder(config)
        self.text_style = nn.Linear(config.text_queries * config.text_width, style)
        self.mapping = nn.Linear(config.z_size, style)
        self.style = nn.Sequential(*(DenseBlock(style) for _ in range(config.style_layers)), nn.RMSNorm(style))
        self.compose = nn.Linear(style, coarse * (config.grid // 2) ** 2)
        self.coarse = nn.ModuleList(ModulatedBlock(coarse, style) for _ in range(config.coarse_blocks))
        self.widen = nn.Conv2d(coarse, 4 * fine, 1)
        self.fine = nn.ModuleList(ModulatedBlock(fine, style) for _ in range(config.fine_blocks))
        self.head = nn.Conv2d(fine, config.latent_channels, 1)
        self.register_buffer("latent_scale", torch.ones(config.latent_channels))
        self.latent_scale: Tensor

    def forward(self, text: Tensor, z: Tensor, truncation_psi: Tensor | float = 1.0) -> Tensor:
        """Return scaled latents (B, C, G, G) from text features (B, Q·E) and noise (B, Z).

        `truncation_psi`, a number or (B, 1), moves the style towards that of no noise: 0 is the
        most typical picture of the text, 1 leaves chance as it is. The mapping of `z` is
        linear, so the mean of all styles is the style of `z` = 0.
        """
        style = self.style(self.text_style(text) + self.mapping(truncation_psi * z))  # (B, S)
        side = self.config.grid // 2
        x = self.compose(style).unflatten(1, (-1, side, side))  # (B, F, G/2, G/2)
        for block in self.coarse:
            x = block(x, style)
        x = functional.pixel_shuffle(self.widen(x), 2)  # (B, F', G, G)
        for block in self.fine:
            x = block(x, style)
        scaled: Tensor = self.head(x)
        return scaled

    def to_latents(self, scaled: Tensor) -> Tensor:
        """Return the tokenizer's latents (B, C, G, G) of scaled ones, whose channels are of like size."""
        return scaled * self.latent_scale[:, None, None]

    def to_scaled(self, latents: Tensor) -> Tensor:
        """Invert `to_latents`."""
        return latents / self.latent_scale[:, None, None]

    @torch.no_grad()
    def measure_latents(self, latents: Tensor) -> None:
        """Scale channels by the root of their spread, which leaves large ones larger, but not much."""
        self.latent_scale.copy_(latents.std(dim=(0, 2, 3)).sqrt())
