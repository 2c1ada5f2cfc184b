"""The generator: words and noise `z` in, the image tokenizer's continuous latents out, in one pass.

A picture is a sum of compositions: the principal components of all pictures' latents, fitted
before training and never changed (as the tokenizer's encoder is). What is trained is how much of
each composition a caption and a chance call for, which dense layers find at little cost.

Shapes: B batch, T text tokens, E text width, Q text queries, S style width, Z noise,
K compositions, C latent channels, G grid side in latents.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.transformer.layers import Attention, GatedMlp


@dataclass(frozen=True)
class GanConfig:
    """Sizes of the generator."""

    vocabulary_size: int
    latent_channels: int
    text_length: int = 24
    text_width: int = 128
    text_layers: int = 2
    text_queries: int = 6
    grid: int = 16
    z_size: int = 32
    style_width: int = 512
    style_layers: int = 4
    num_compositions: int = 512


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
    """A gated residual layer over a whole vector."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width)
        self.mlp = GatedMlp(width, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, S) from (B, S)."""
        return x + self.mlp(self.norm(x))


class Compositions(nn.Module):
    """A fixed linear basis of pictures: latents are a mean and a weighted sum of K compositions."""

    mean: Tensor
    basis: Tensor
    spread: Tensor

    def __init__(self, config: GanConfig) -> None:
        super().__init__()
        latents = (config.latent_channels, config.grid, config.grid)
        self.register_buffer("mean", torch.zeros(latents))
        self.register_buffer("basis", torch.zeros(config.num_compositions, *latents))
        self.register_buffer("spread", torch.zeros(config.num_compositions))

    @property
    def fitted(self) -> bool:
        """Whether `fit` was called, or fitted ones were loaded."""
        return bool(self.spread.any())

    def fit(self, latents: Tensor) -> None:
        """Find the principal components of latents (N, C, G, G), N > K.

        Weights are scaled by the root of their spread, which leaves large ones larger, but not much.
        """
        count, flat = len(self.spread), latents.flatten(1)
        self.mean.copy_(latents.mean(dim=0))
        _, deviations, directions = torch.svd_lowrank(flat - flat.mean(dim=0), q=count + 16, niter=2)
        spread = (deviations[:count] / len(flat) ** 0.5).sqrt()
        self.spread.copy_(spread * spread.square().mean().sqrt())
        self.basis.copy_(directions[:, :count].T.unflatten(1, self.mean.shape))

    def weigh(self, latents: Tensor) -> Tensor:
        """Return the scaled weights (B, K) that come closest to latents (B, C, G, G)."""
        return (latents - self.mean).flatten(1) @ self.basis.flatten(1).T / self.spread

    def compose(self, weights: Tensor) -> Tensor:
        """Return latents (B, C, G, G) of scaled weights (B, K)."""
        return self.mean + torch.tensordot(weights * self.spread, self.basis, dims=1)


class Generator(nn.Module):
    """Weighs compositions by text features and noise."""

    def __init__(self, config: GanConfig) -> None:
        super().__init__()
        self.config = config
        style = config.style_width
        self.text_encoder = TextEncoder(config)
        self.text_style = nn.Linear(config.text_queries * config.text_width, style)
        self.mapping = nn.Linear(config.z_size, style)
        self.style = nn.Sequential(*(DenseBlock(style) for _ in range(config.style_layers)), nn.RMSNorm(style))
        self.head = nn.Linear(style, config.num_compositions)
        self.compositions = Compositions(config)

    def forward(self, text: Tensor, z: Tensor, truncation_psi: Tensor | float = 1.0) -> Tensor:
        """Return scaled weights (B, K) from text features (B, Q·E) and noise (B, Z).

        `truncation_psi`, a number or (B, 1), moves the style towards that of no noise: 0 is the
        most typical picture of the text, 1 leaves chance as it is (Karras et al. 2019,
        https://arxiv.org/abs/1812.04948; the mapping of `z` is linear here, so the mean style is
        that of `z` = 0).
        """
        weights: Tensor = self.head(self.style(self.text_style(text) + self.mapping(truncation_psi * z)))
        return weights

    def draw(self, text: Tensor, z: Tensor, truncation_psi: Tensor | float = 1.0) -> Tensor:
        """Return the tokenizer's latents (B, C, G, G); arguments as for `forward`."""
        return self.compositions.compose(self(text, z, truncation_psi))
