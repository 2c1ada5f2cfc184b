"""From logits to tokens: guidance, filters, and Gumbel-max sampling, as functions of tensors.

All options are vectors with one value per row, so that unlike requests share a batch.
Shapes: R rows, V codebook size.
"""

import torch
from torch import Tensor

_COLDEST = 1e-4
"""Temperature below which filters see the distribution as if it were this cold."""


def guide(conditional: Tensor, unconditional: Tensor, guidance_scale: Tensor) -> Tensor:
    """Return logits (R, V) pushed away from what the model would draw without a prompt.

    A scale of 1 is no guidance (Ho & Salimans 2022, https://arxiv.org/abs/2207.12598).
    """
    return unconditional + guidance_scale[:, None] * (conditional - unconditional)


def keep_likely(logits: Tensor, temperature: Tensor, top_k: Tensor, top_p: Tensor) -> Tensor:
    """Return logits (R, V) with -inf outside each row's ``top_k`` best and ``top_p`` nucleus.

    The nucleus is the smallest set of best tokens whose probabilities at the row's temperature
    reach ``top_p`` (Holtzman et al. 2020, https://arxiv.org/abs/1904.09751).
    """
    ordered, order = logits.sort(dim=-1, descending=True)
    probabilities = (ordered / temperature.clamp(min=_COLDEST)[:, None]).softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities
    ranks = torch.arange(logits.shape[-1], device=logits.device)
    kept = (ranks < top_k[:, None]) & ((before < top_p[:, None]) | (ranks == 0))
    return logits.masked_fill(~kept.scatter(-1, order, kept), -torch.inf)


def gumbel_noise(rng: torch.Generator, count: int, codebook_size: int) -> Tensor:
    """Return standard Gumbel noise (count, V) on the CPU."""
    exponential = torch.empty(count, codebook_size).exponential_(generator=rng)
    return -exponential.clamp(min=torch.finfo(torch.float32).tiny).log()


def choose(logits: Tensor, temperature: Tensor, noise: Tensor) -> Tensor:
    """Sample one token (R,) from each row's softmax(logits / temperature).

    The Gumbel-max trick (Maddison et al. 2014, https://arxiv.org/abs/1411.0030) with noise
    (R, V) drawn per image: small numeric differences between batch sizes seldom move an argmax.
    Temperature 0 is greedy.
    """
    return (logits + temperature[:, None] * noise).argmax(dim=-1)
