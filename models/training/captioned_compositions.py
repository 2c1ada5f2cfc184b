"""Pages of the picture book as the GAN sees them: weights of compositions, captions, near misses.

Shapes: B batch, K compositions, T text tokens.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.gan.networks import Compositions
from models.picturebook import Scene, describe, draw, near_miss, sample_scene
from models.text import PAD, UNKNOWN, WordTokenizer
from models.training.data import normalized
from models.transformer.tokenizer import ImageTokenizer

_FITTING_CHUNK = 100


class Captioned(NamedTuple):
    """Weights (B, K), their captions and wrong captions, integers (B, T)."""

    weights: Tensor
    text_tokens: Tensor
    near_misses: Tensor


class CaptionedCompositions:
    """A fixed number of pages, drawn when first asked for; their captions are new each time."""

    def __init__(
        self, pages: int, tokenizer: ImageTokenizer, compositions: Compositions, words: WordTokenizer, seed: int
    ) -> None:
        self._tokenizer = tokenizer
        self._compositions = compositions
        self._words = words
        self._seed = seed
        self._scenes: list[Scene | None] = [None] * pages
        self._weights = torch.zeros(pages, len(compositions.spread))

    @torch.no_grad()
    def fit(self, pages: int) -> None:
        """Fit the compositions to so many pages of their own."""
        scenes = [self._scene(-1 - index) for index in range(pages)]
        chunks = [scenes[start : start + _FITTING_CHUNK] for start in range(0, pages, _FITTING_CHUNK)]
        self._compositions.fit(torch.cat([self._latents(chunk) for chunk in chunks]))

    def batch(self, seeds: Sequence[tuple[int, ...]], word_dropout: float) -> Captioned:
        """Return one page for each seed, which also decides about its captions; some words become unknown."""
        rngs = [np.random.default_rng(seed) for seed in seeds]
        indices = [int(rng.integers(len(self._scenes))) for rng in rngs]
        told = list(zip(self._drawn(indices), rngs, strict=True))
        text_tokens = torch.tensor([self._words.encode(describe(scene, rng)) for scene, rng in told])
        near_misses = torch.tensor([self._words.encode(near_miss(scene, rng)) for scene, rng in told])
        lost = torch.from_numpy(np.stack([rng.random(self._words.length) < word_dropout for rng in rngs]))
        text_tokens[lost & (text_tokens != PAD)] = UNKNOWN
        device = self._compositions.spread.device
        return Captioned(self._weights[indices].to(device), text_tokens.to(device), near_misses.to(device))

    @torch.no_grad()
    def _drawn(self, indices: list[int]) -> list[Scene]:
        """Return the pages' scenes, after drawing and weighing those that are new."""
        new = sorted({index for index in indices if self._scenes[index] is None})
        scenes = [self._scene(index) for index in new]
        if new:
            self._weights[new] = self._compositions.weigh(self._latents(scenes)).cpu()
        for index, drawn in zip(new, scenes, strict=True):
            self._scenes[index] = drawn
        return [scene for index in indices if (scene := self._scenes[index]) is not None]

    def _scene(self, index: int) -> Scene:
        return sample_scene(np.random.default_rng((self._seed, index % 2**32)), split="train")

    def _latents(self, scenes: list[Scene]) -> Tensor:
        """Return latents before quantisation (B, C, G, G): nothing that is generated is ever rounded."""
        device = self._compositions.spread.device
        return self._tokenizer.encode(normalized([draw(scene) for scene in scenes]).to(device))
