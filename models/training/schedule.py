"""Learning-rate schedules as functions of the step, so that resuming needs no state."""

import math

import torch


def warmup_cosine(step: int, steps: int, warmup: int, floor: float = 0.0) -> float:
    """Return the factor on the peak rate: linear warm-up, then half a cosine down to `floor`."""
    if step < warmup:
        return (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    return floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * progress))


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Set every group's rate."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def warmup_stable_decay(step: int, steps: int, warmup: int, decay_share: float) -> float:
    """Return the factor on the peak rate: linear warm-up, constant, then linearly down to nothing.

    A training can be made longer until its decay begins, without having been planned so
    (Hu et al. 2024, https://arxiv.org/abs/2404.06395). ``decay_share`` is that of all steps.
    """
    left = (steps - step) / (decay_share * steps)
    return min(1.0, (step + 1) / warmup, left)
