"""Fit a tokenizer's encoder and codebooks to pictures: principal components, then k-means.

Nothing here is trained by gradients, so a tokenizer's tokens are final within minutes, and the
transformer can learn them while the decoder is still being trained.

Shapes: M patches, P values per patch (3 · 8 · 8), C latent channels, V codebook size.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.transformer.tokenizer import PATCH, ImageTokenizer

_ROUNDS = 14
_CHUNK = 512


@torch.no_grad()
def fit_codebook(tokenizer: ImageTokenizer, images: Tensor, rng: torch.Generator, *, sample: int = 200_000) -> None:
    """Set the encoder, the codebooks and the decoder's patches from ``images`` (N, 3, H, W).

    Each round of k-means sees ``sample`` patches. The decoder's corrections are left as they are.
    """
    patches = functional.pixel_unshuffle(images, PATCH).movedim(1, -1).flatten(0, 2)  # (M, P)
    mean, basis = principal_components(patches, tokenizer.config.latent_channels)
    _set_linear(cast("nn.Conv2d", tokenizer.encoder[1]), basis, -basis @ mean)
    _set_linear(tokenizer.decoder.patches, basis.T, mean)
    rest = (patches - mean) @ basis.T  # (M, C)
    for codes in tokenizer.quantizer.codebooks:
        codes.copy_(k_means(rest, tokenizer.codebook_size, rng, sample=sample))
        rest = rest - codes[nearest(rest, codes)[0]]


def _set_linear(convolution: nn.Conv2d, weight: Tensor, bias: Tensor) -> None:
    convolution.weight.copy_(weight[:, :, None, None])
    if convolution.bias is not None:
        convolution.bias.copy_(bias)


def principal_components(patches: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the mean (P,) and the first orthonormal components (C, P) of patches (M, P)."""
    mean = patches.mean(0)
    centered = patches - mean
    _, vectors = torch.linalg.eigh(centered.T @ centered)  # by rising variance
    return mean, vectors.T.flip(0)[:count].contiguous()


def k_means(vectors: Tensor, size: int, rng: torch.Generator, *, sample: int) -> Tensor:
    """Return centres (V, C) of ``vectors`` (M, C).

    Half of the start is drawn where the other half is far off, as in k-means++ (Arthur &
    Vassilvitskii 2007), and a centre that nothing is nearest to moves to such a place.
    """
    centres = _draw(vectors, size - size // 2, rng)
    some = _draw(vectors, sample, rng)
    centres = torch.cat([centres, _far_off(some, nearest(some, centres)[1], size // 2, rng)])
    for _ in range(_ROUNDS):
        some = _draw(vectors, sample, rng)
        tokens, errors = nearest(some, centres)
        counts = torch.bincount(tokens, minlength=size)
        sums = torch.zeros_like(centres).index_add_(0, tokens, some)
        centres = torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], centres)
        unused = (counts == 0).nonzero()[:, 0]
        centres[unused] = _far_off(some, errors, len(unused), rng)
    return centres


def nearest(vectors: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Return the nearest centre (M,) of each vector (M, C), and the squared distance (M,) to it."""
    lengths = centres.square().sum(1)
    found = [torch.addmm(lengths, part, centres.T, alpha=-2).min(1) for part in vectors.split(_CHUNK)]
    distances = torch.cat([part.values for part in found]) + vectors.square().sum(1)
    return torch.cat([part.indices for part in found]), distances.clamp(min=0)


def _draw(vectors: Tensor, count: int, rng: torch.Generator) -> Tensor:
    return vectors[torch.randint(len(vectors), (count,), generator=rng)]


def _far_off(vectors: Tensor, errors: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """Draw vectors with a chance that grows with their error."""
    if not count:
        return vectors[:0]
    return vectors[torch.multinomial(errors + 1e-9, count, generator=rng)]
