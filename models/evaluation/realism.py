"""Can a classifier tell generated pictures from drawn ones?

A logistic regression is trained on one half of the pictures and asked about the other; a half of its
answers right means that it can't tell. It sees what the judge's layers see: means and deviations of
every channel, from edges to whole things, so it notices what attributes don't: blur, smears, wrong
lines. It is trained on the spot, so nothing was ever trained against it.

Shapes: N pictures, S statistics.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.evaluation.drawing import in_batches
from models.evaluation.judge import Judge
from models.evaluation.perception import deep_features

PENALTY = 0.01
"""On the squared weights, for standardised statistics: the halves are small."""


def share_told_apart(drawn: Tensor, made: Tensor) -> float:
    """Return how often a classifier is right about pictures it wasn't trained on.

    It is given the `layer_statistics` (N, S) of two sets of equal size; 0.5 is as good as guessing.
    """
    learnt = torch.cat([drawn[0::2], made[0::2]])
    mean, deviation = learnt.mean(dim=0), learnt.std(dim=0) + 1e-6
    drawn, made = (drawn - mean) / deviation, (made - mean) / deviation
    weights, bias = _fitted(drawn[0::2], made[0::2])
    right = [drawn[1::2] @ weights + bias > 0, made[1::2] @ weights + bias <= 0]
    return float(torch.cat(right).float().mean())


def layer_statistics(judge: Judge, images: np.ndarray, *, blur: int = 1) -> Tensor:
    """Return (N, S) for uint8 (N, H, W, 3); with ``blur`` above 1, of means over squares of so many pixels."""

    def of_batch(pixels: Tensor) -> Tensor:
        if blur > 1:
            pixels = functional.interpolate(functional.avg_pool2d(pixels, blur), scale_factor=blur)
        layers = [(x.mean(dim=(2, 3)), x.std(dim=(2, 3))) for x in deep_features(judge, pixels)]
        return torch.cat([*(part for layer in layers for part in layer), judge.features(pixels)], dim=1)

    return in_batches(images, of_batch).clone()  # a clone, because inference tensors can't be trained on


def _fitted(drawn: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weights (S,) and the bias that score drawn pictures above zero and made ones below."""
    statistics = torch.cat([drawn, made])
    answers = torch.cat([torch.ones(len(drawn)), torch.zeros(len(made))])
    weights, bias = torch.zeros(statistics.shape[1], requires_grad=True), torch.zeros((), requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=100)

    def loss() -> Tensor:
        optimizer.zero_grad()
        errors = functional.binary_cross_entropy_with_logits(statistics @ weights + bias, answers)
        total = errors + PENALTY * weights.square().sum()
        total.backward()
        return total

    optimizer.step(loss)
    return weights.detach(), bias.detach()
