"""Exponential moving averages of weights: what is exported and sampled from."""

import copy
from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def average_of(network: Network) -> Network:
    """Return a frozen copy of the network to hold its moving average."""
    return copy.deepcopy(network).requires_grad_(requires_grad=False).eval()


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move the average towards the network; early steps weigh more, as min(decay, (1+t)/(10+t)).

    Buffers are copied, unless both share them.
    """
    weight = 1.0 - min(decay, (1 + step) / (10 + step))
    for mine, theirs in zip(average.parameters(), network.parameters(), strict=True):
        mine.lerp_(theirs, weight)
    for kept, current in zip(average.buffers(), network.buffers(), strict=True):
        if kept is not current:
            kept.copy_(current)
