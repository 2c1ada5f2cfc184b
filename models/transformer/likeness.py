"""Likeness: how a picture that is there already takes part in the choice of tokens.

What an input picture shows at a place counts as a noisy observation of what is to be drawn there: a code's logit
loses its squared distance from the observation, times a weight (Bayes' rule for Gaussian noise of variance
1 / 2·weight). Two things are observed, the place's mean colour and its whole latent. With a prompt, colours alone
lead far into a new picture of the same composition (what SDEdit does for diffusion, Meng et al. 2022,
https://arxiv.org/abs/2108.01073). A great weight gives the very token that the tokenizer itself would choose, which is
how unmasked places are kept; without words, which colours cannot replace, the first rows are, and say what goes on.

Shapes: S blocks, K places per block, L levels, C latent channels, F observed features, V codebook size of a level.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.interface import InputImage
from models.transformer.blocks import to_blocks
from models.transformer.tokenizer import PATCH, ImageTokenizer

KEEP = 1e6
"""A weight against which no logit counts."""
_BEGINNING = 1.25
"""Share of the rows kept without words at strength 0, found by eye: it makes 3/8 of them at the default strength."""


@dataclass(frozen=True)
class Observation:
    """What is seen of an input picture (S, K, F), of every code (L, V, F), and the weight (S, K) of each place."""

    seen: Tensor
    codes: Tensor
    weights: Tensor

    def logits(self, position: int, slot: int, earlier: Sequence[Tensor]) -> Tensor:
        """Return what is added to a slot's logits (V,); the best code gets 0.

        ``earlier`` are the tokens of the block's slots before this one.
        """
        places = self.seen.shape[1]
        level, place = divmod(slot, places)
        rest = self.seen[position, place]  # (F,)
        for lower in range(level):
            rest = rest - self.codes[lower, earlier[lower * places + place]]
        distances = (self.codes[level] - rest).square().sum(-1)  # (V,)
        return -self.weights[position, place] * (distances - distances.min())


@dataclass(frozen=True)
class Likeness:
    """An input picture's colours and details."""

    colors: Observation
    details: Observation

    def logits(self, position: int, slot: int, earlier: Sequence[Tensor]) -> Tensor:
        """Return what the picture adds to a slot's logits (V,)."""
        return self.colors.logits(position, slot, earlier) + self.details.logits(position, slot, earlier)


def observe(
    tokenizer: ImageTokenizer, source: InputImage, strength: float, *, has_prompt: bool, grid: int, block: int
) -> Likeness:
    """Look at an input picture of any size as one of ``grid`` tokens across.

    What is masked is drawn at ``strength``, the rest is kept; without a mask all of it is drawn, or, without a
    prompt either, all but a beginning.
    """
    codes = tokenizer.quantizer.codebooks  # (L, V, C)
    latents = tokenizer.encode(_images(source, grid * PATCH, codes))  # (1, C, grid, grid)
    seen = to_blocks(latents, block)[0].unflatten(1, (-1, block**2)).transpose(1, 2)  # (S, K, C)
    colors, details = _weights(strength)
    beginning = 0.0 if has_prompt else _BEGINNING * (1 - strength)
    kept = to_blocks(_kept(source, grid, beginning)[None, None], block)[0].to(codes.device)  # (S, K)
    to_colors = _mean_colors(tokenizer)
    return Likeness(
        Observation(seen @ to_colors.T, codes @ to_colors.T, torch.full_like(seen[..., 0], colors)),
        Observation(seen, codes, torch.full_like(seen[..., 0], details).masked_fill(kept, KEEP)),
    )


def _weights(strength: float) -> tuple[float, float]:
    """Return the weights of colours and details, found by eye: at strength 0 all is kept, at 1 nothing."""
    kept, changed = 1 - strength, max(strength, 1e-6)
    colors = kept**3 / (2 * changed)
    details = kept**8 / changed
    return min(KEEP / 1e4, colors), min(KEEP, details)  # where details are all, colours have no say


def _images(source: InputImage, side: int, like: Tensor) -> Tensor:
    """Return the picture as images (1, 3, side, side) in [-1, 1]."""
    pixels = torch.from_numpy(np.array(source.pixels)).movedim(-1, 0)[None].to(like)
    return functional.adaptive_avg_pool2d(pixels / 127.5 - 1, side)


def _kept(source: InputImage, grid: int, beginning: float) -> Tensor:
    """Return the places (grid, grid) of which no pixel is to be drawn anew; without a mask, the beginning's share."""
    if source.mask is None:
        return (torch.arange(grid) < round(beginning * grid))[:, None].expand(grid, grid)
    return functional.adaptive_max_pool2d(torch.from_numpy(source.mask)[None].float(), grid)[0] == 0


def _mean_colors(tokenizer: ImageTokenizer) -> Tensor:
    """Return the map (3, C) from a code to its patch's mean colour, scaled as patches of pixels are."""
    patches = tokenizer.decoder.patches.weight[:, :, 0, 0]  # (3 · PATCH², C)
    return PATCH * patches.unflatten(0, (3, -1)).mean(1)
