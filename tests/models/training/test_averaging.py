"""Averages of weights follow the networks without being trained."""

import torch
from torch import nn

from models.training.averaging import average_of, update_average
from models.training.schedule import warmup_cosine


def test_average_approaches_the_network() -> None:
    """After many updates the average has reached weights that stand still."""
    network = nn.Linear(2, 2)
    average = average_of(network)
    with torch.no_grad():
        network.weight.fill_(5.0)
    for step in range(200):
        update_average(average, network, 0.9, step)
    torch.testing.assert_close(average.weight, network.weight)
    assert not average.weight.requires_grad


def test_learning_rate_rises_then_falls() -> None:
    """The factor starts near zero, peaks at one after the warm-up and ends at the floor."""
    factors = [warmup_cosine(step, 100, 10, 0.1) for step in range(101)]
    assert factors[0] == 0.1
    assert max(factors) == factors[10] == 1.0
    assert abs(factors[100] - 0.1) < 1e-9
