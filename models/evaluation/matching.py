"""R-precision: does the picture find its own caption again?

Source: Xu et al. 2018 (AttnGAN), https://arxiv.org/abs/1711.10485, section 4.1: one caption among
a hundred. Harder, and ours: the caption against one that is wrong in a single attribute.
"""

import numpy as np
import torch
from torch import Tensor

CANDIDATES = 100


def r_precision(embedded: Tensor, captions: Tensor, seed: int) -> float:
    """Return how often an image is closest to its own caption of `CANDIDATES`; both are unit vectors (N, E).

    Raises:
        ValueError: there are fewer captions than candidates.
    """
    if len(captions) < CANDIDATES:
        raise ValueError(f"captions: R-precision needs at least {CANDIDATES}, got {len(captions)}")
    similarity = embedded @ captions.T  # (N, N)
    others = similarity.gather(1, _other_captions(len(captions), seed))
    return float((similarity.diagonal()[:, None] > others).all(dim=1).float().mean())


def near_miss_precision(embedded: Tensor, captions: Tensor, near_misses: Tensor) -> float:
    """Return how often an image is closer to its caption than to one that just misses; all are (N, E)."""
    return float(((embedded * captions).sum(1) > (embedded * near_misses).sum(1)).float().mean())


def _other_captions(count: int, seed: int) -> Tensor:
    """Return (count, CANDIDATES - 1) numbers of captions, never the row's own."""
    rng = np.random.default_rng(seed)
    shifts = np.stack([rng.choice(count - 1, CANDIDATES - 1, replace=False) + 1 for _ in range(count)])
    return torch.from_numpy((shifts + np.arange(count)[:, None]) % count)
