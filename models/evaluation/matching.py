"""R-precision: does the picture find its own caption again?

Source: Xu et al. 2018 (AttnGAN), https://arxiv.org/abs/1711.10485, section 4.1: one caption among
a hundred. Harder, and ours: the caption against one that is wrong in a single attribute.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from models.evaluation.drawing import in_batches
from models.evaluation.matcher import Matcher
from models.picturebook import Picture
from models.picturebook.captions import near_miss

CANDIDATES = 100


@torch.inference_mode()
def r_precision(matcher: Matcher, images: np.ndarray, captions: Sequence[str], seed: int) -> float:
    """Return how often an image, uint8 (N, H, W, 3), is closest to its caption of `CANDIDATES`.

    Raises:
        ValueError: there are fewer captions than candidates.
    """
    if len(captions) < CANDIDATES:
        raise ValueError(f"captions: R-precision needs at least {CANDIDATES}, got {len(captions)}")
    similarity = in_batches(images, matcher.embed_images) @ matcher.embed_captions(captions).T  # (N, N)
    others = _other_captions(len(captions), seed)
    return float((similarity.diagonal()[:, None] > similarity.gather(1, others)).all(dim=1).float().mean())


@torch.inference_mode()
def near_miss_precision(matcher: Matcher, images: np.ndarray, pages: Sequence[Picture], seed: int) -> float:
    """Return how often an image is closer to its page's caption than to a caption that just misses."""
    rng = np.random.default_rng(seed)
    right = matcher.embed_captions([page.caption for page in pages])
    wrong = matcher.embed_captions([near_miss(page.scene, rng) for page in pages])
    embedded = in_batches(images, matcher.embed_images)
    return float(((embedded * right).sum(1) > (embedded * wrong).sum(1)).float().mean())


def _other_captions(count: int, seed: int) -> Tensor:
    """Return (count, CANDIDATES - 1) numbers of captions, never the row's own."""
    rng = np.random.default_rng(seed)
    shifts = np.stack([rng.choice(count - 1, CANDIDATES - 1, replace=False) + 1 for _ in range(count)])
    return torch.from_numpy((shifts + np.arange(count)[:, None]) % count)
