"""Pages as the GAN sees them: weights of compositions, captions, near misses.

Shapes: B batch, K compositions, T text tokens.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.gan.networks import Compositions
from models.text import PAD, UNKNOWN, WordTokenizer
from models.training.data import normalized
from models.training.pages import Page, Pages
from models.transformer.tokenizer import ImageTokenizer

_FITTING_CHUNK = 100


class Captioned(NamedTuple):
    """Weights (B, K), their captions and wrong captions, integers (B, T)."""

    weights: Tensor
    text_tokens: Tensor
    near_misses: Tensor


class CaptionedCompositions:
    """The first pages, weighed when first asked for; those of the picture book have new captions each time."""

    def __init__(
        self, pages: Pages, most: int, tokenizer: ImageTokenizer, compositions: Compositions, words: WordTokenizer
    ) -> None:
        self._pages = pages
        self._tokenizer = tokenizer
        self._compositions = compositions
        self._words = words
        self._known: dict[int, Page] = {}
        self._weights = torch.zeros(min(most, pages.num_different), len(compositions.spread))

    @torch.no_grad()
    def fit(self, most: int) -> None:
        """Fit the compositions to so many pages of their own, or to all of the user's."""
        pages = self._pages.different(most)
        chunks = [pages[start : start + _FITTING_CHUNK] for start in range(0, len(pages), _FITTING_CHUNK)]
        self._compositions.fit(torch.cat([self._latents(chunk) for chunk in chunks]))

    def batch(self, seeds: Sequence[tuple[int, ...]], word_dropout: float) -> Captioned:
        """Return one page for each seed, which also decides about its captions; some words become unknown."""
        rngs = [np.random.default_rng(seed) for seed in seeds]
        indices = [int(rng.integers(len(self._weights))) for rng in rngs]
        told = list(zip(self._weighed(indices), rngs, strict=True))
        text_tokens = torch.tensor([self._words.encode(page.caption(rng)) for page, rng in told])
        near_misses = torch.tensor([self._words.encode(page.near_miss(rng)) for page, rng in told])
        lost = torch.from_numpy(np.stack([rng.random(self._words.length) < word_dropout for rng in rngs]))
        text_tokens[lost & (text_tokens != PAD)] = UNKNOWN
        device = self._compositions.spread.device
        return Captioned(self._weights[indices].to(device), text_tokens.to(device), near_misses.to(device))

    @torch.no_grad()
    def _weighed(self, indices: list[int]) -> list[Page]:
        """Return pages, after weighing those that are new."""
        new = {index: self._pages.page(index) for index in sorted({*indices} - self._known.keys())}
        if new:
            self._weights[list(new)] = self._compositions.weigh(self._latents(list(new.values()))).cpu()
            self._known |= new
        return [self._known[index] for index in indices]

    def _latents(self, pages: Sequence[Page]) -> Tensor:
        """Return latents before quantisation (B, C, G, G): nothing that is generated is ever rounded."""
        device = self._compositions.spread.device
        return self._tokenizer.encode(normalized([page.image() for page in pages]).to(device))
