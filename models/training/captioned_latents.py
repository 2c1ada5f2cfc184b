"""Pages of the picture book as the GAN sees them: latents, captions, and captions that just miss.

Shapes: B batch, T text tokens, C latent channels, G grid side in latents.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.picturebook import describe, draw, near_miss, sample_scene
from models.text import PAD, UNKNOWN, WordTokenizer
from models.training.data import normalized
from models.transformer.tokenizer import ImageTokenizer


class CaptionedLatents(NamedTuple):
    """Latents before quantisation (B, C, G, G), their captions and wrong captions, integers (B, T)."""

    latents: Tensor
    text_tokens: Tensor
    near_misses: Tensor


@torch.no_grad()
def captioned_latents(
    tokenizer: ImageTokenizer, words: WordTokenizer, seeds: list[tuple[int, ...]], word_dropout: float
) -> CaptionedLatents:
    """Draw, caption and encode one page for each seed; some words become the unknown word."""
    rngs = [np.random.default_rng(seed) for seed in seeds]
    scenes = [sample_scene(rng, split="train") for rng in rngs]
    told = list(zip(scenes, rngs, strict=True))
    text_tokens = torch.tensor([words.encode(describe(scene, rng)) for scene, rng in told])
    near_misses = torch.tensor([words.encode(near_miss(scene, rng)) for scene, rng in told])
    lost = torch.from_numpy(np.stack([rng.random(words.length) < word_dropout for rng in rngs]))
    text_tokens[lost & (text_tokens != PAD)] = UNKNOWN
    device = next(tokenizer.parameters()).device
    images = normalized([draw(scene) for scene in scenes]).to(device)
    return CaptionedLatents(tokenizer.encode(images), text_tokens.to(device), near_misses.to(device))
