"""The image tokenizer: a 128x128 picture as a 16x16 grid of tokens, and back.

A vector quantiser over patches. The encoder projects each 8x8 patch linearly, so equal patches
give equal tokens wherever they are, which is what the transformer learns from; the first codebook
holds the k-means centres of such projections, the second those of what the first leaves over
(residual quantisation, Lee et al. 2022, https://arxiv.org/abs/2203.01941); the decoder turns codes
back into patches and redraws them with what stands around (as in VQ-VAE, van den Oord et al. 2017,
https://arxiv.org/abs/1711.00937, but with the encoder and the codebooks fitted before training).

Shapes: B batch, C latent channels, L levels, h and w tokens down and across, V codebook size of
a level; H = 8 · h and W = 8 · w.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from models.checkpoints import load_network, save_network

PATCH = 8
"""Pixels along a token's side."""
_STEM = 4
"""Pixels that the decoder's fine half folds into channels."""
_CHUNK = 512
"""Vectors compared with all codes at a time, to bound memory."""


@dataclass(frozen=True)
class TokenizerConfig:
    """Sizes of the codebook and of the decoder's two halves, one per token and one per 4x4 pixels."""

    codebook_size: int = 4096
    levels: int = 2
    latent_channels: int = 64
    coarse_width: int = 192
    coarse_blocks: int = 3
    fine_width: int = 96
    fine_blocks: int = 3


class VectorQuantizer(nn.Module):
    """Replace each latent vector by the nearest of V codes, and what is left over by another."""

    def __init__(self, levels: int, codebook_size: int, channels: int) -> None:
        super().__init__()
        codes = torch.randn(levels, codebook_size, channels)
        self.codebooks = nn.Parameter(codes, requires_grad=False)

    def forward(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Return quantized latents (B, C, h, w), which let gradients through, and tokens (B, L, h, w)."""
        rest = latents.detach().movedim(1, -1).flatten(0, 2)  # (B·h·w, C)
        levels = []
        for codes in self.codebooks:
            levels.append(_nearest(rest, codes))
            rest = rest - codes[levels[-1]]
        size = (latents.shape[0], *latents.shape[2:])
        tokens = torch.stack([level.unflatten(0, size) for level in levels], dim=1)
        return latents + (self.lookup(tokens) - latents).detach(), tokens

    def lookup(self, tokens: Tensor) -> Tensor:
        """Return the sums of codes (B, C, h, w) of ``tokens`` (B, L, h, w)."""
        levels = zip(self.codebooks, tokens.unbind(1), strict=True)
        return torch.stack([codes[level] for codes, level in levels]).sum(0).movedim(-1, 1)


def _nearest(vectors: Tensor, codes: Tensor) -> Tensor:
    """Return the index (M,) of the code (V, C) nearest to each vector (M, C)."""
    lengths = codes.square().sum(1)
    parts = [torch.addmm(lengths, part, codes.T, alpha=-2).argmin(1) for part in vectors.split(_CHUNK)]
    return torch.cat(parts)


class PixelNorm(nn.Module):
    """Scale the channels of each position to unit mean square (Karras et al. 2018)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, h, w) from the same."""
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-6)


class Residual(nn.Sequential):
    """A convolution and a projection beside a straight path, which starts as the identity."""

    def __init__(self, width: int) -> None:
        project = nn.Conv2d(width, width, 1)
        nn.init.zeros_(project.weight)
        super().__init__(PixelNorm(), nn.Conv2d(width, width, 3, padding=1), nn.SiLU(), project)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, h, w) from the same."""
        change: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
        return x + change


class Decoder(nn.Module):
    """Lay the codes' patches side by side, and add what two convolutional halves correct."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        coarse, fine, folded = config.coarse_width, config.fine_width, 3 * _STEM**2
        self.patches = nn.Conv2d(config.latent_channels, 3 * PATCH**2, 1)
        self.coarse = nn.Sequential(
            nn.Conv2d(config.latent_channels, coarse, 3, padding=1),
            *(Residual(coarse) for _ in range(config.coarse_blocks)),
            nn.Conv2d(coarse, fine * (PATCH // _STEM) ** 2, 1),
            nn.PixelShuffle(PATCH // _STEM),  # (B, fine, 2h, 2w)
        )
        self.rough = nn.Conv2d(folded, fine, 3, padding=1)
        self.fine = nn.Sequential(*(Residual(fine) for _ in range(config.fine_blocks)), PixelNorm())
        self.correction = nn.Conv2d(fine, folded, 3, padding=1)
        nn.init.zeros_(self.correction.weight)
        self.unfold, self.fold = nn.PixelUnshuffle(_STEM), nn.PixelShuffle(_STEM)
        self.place = nn.PixelShuffle(PATCH)

    def forward(self, quantized: Tensor) -> Tensor:
        """Return images (B, 3, H, W) of (B, C, h, w)."""
        rough = self.place(self.patches(quantized))  # (B, 3, H, W)
        fine = self.coarse(quantized) + self.rough(self.unfold(rough))  # (B, fine, 2h, 2w)
        correction: Tensor = self.fold(self.correction(self.fine(fine)))
        return rough + correction


class ImageTokenizer(nn.Module):
    """Turn images (B, 3, H, W) in [-1, 1] into tokens (B, L, h, w) and back."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.config = config
        project = nn.Conv2d(3 * PATCH**2, config.latent_channels, 1)
        self.encoder = nn.Sequential(nn.PixelUnshuffle(PATCH), project)
        self.quantizer = VectorQuantizer(config.levels, config.codebook_size, config.latent_channels)
        self.decoder = Decoder(config)

    @classmethod
    def from_pretrained(cls, folder: Path | str) -> Self:
        """Load the tokenizer saved in ``folder``.

        Raises:
            CheckpointError: a file is missing or does not fit this code.
        """
        return load_network(cls, TokenizerConfig, Path(folder))

    def save_pretrained(self, folder: Path | str) -> None:
        """Write the weights in half precision and the config to ``folder``."""
        save_network(self, self.config, Path(folder))

    @property
    def codebook_size(self) -> int:
        """How many different tokens a level has."""
        return self.config.codebook_size

    def encode(self, images: Tensor) -> Tensor:
        """Return the latents (B, C, h, w), before quantisation, of images (B, 3, H, W)."""
        latents: Tensor = self.encoder(images)
        return latents

    def quantize(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Return quantized latents (B, C, h, w) and tokens (B, L, h, w)."""
        quantized, tokens = self.quantizer(latents)
        return quantized, tokens

    def decode(self, quantized: Tensor) -> Tensor:
        """Return images (B, 3, H, W), not clamped, of quantized latents (B, C, h, w)."""
        images: Tensor = self.decoder(quantized)
        return images

    def images_to_tokens(self, images: Tensor) -> Tensor:
        """Return the tokens (B, L, h, w) of images (B, 3, H, W)."""
        return self.quantize(self.encode(images))[1]

    def tokens_to_images(self, tokens: Tensor) -> Tensor:
        """Return images (B, 3, H, W) in [-1, 1] of tokens (B, L, h, w)."""
        return self.decode(self.quantizer.lookup(tokens)).clamp(-1, 1)
