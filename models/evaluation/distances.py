"""How far generated pictures are from drawn ones as a population: FID, KID and Inception Score.

By default they are measured in the judge's features, and then named "picture-book FID" and so on:
their values say nothing beside published ones, only beside their floors. With a file of the
standard Inception weights (and ``torch-fidelity`` installed) they are the standard ones.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance, NoTrainInceptionV3
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

KID_SUBSETS = 50


class Computed(nn.Module):
    """A feature network for torchmetrics whose features were computed before."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        """Return the features (B, F) as they are."""
        return features


class InceptionWeightsError(Exception):
    """The standard Inception network cannot be loaded."""


class Inception:
    """The standard Inception network of FID, as torch-fidelity ports it.

    Raises:
        InceptionWeightsError: the file is missing or holds more than tensors, or torch-fidelity is
            not installed.
    """

    def __init__(self, weights: Path) -> None:
        if not weights.is_file():
            raise InceptionWeightsError(f"inception_weights: there is no file {weights}")
        _require_tensors(weights)
        try:
            self._features = NoTrainInceptionV3("inception-v3-compat", ["2048"], str(weights))
            self._logits = NoTrainInceptionV3("inception-v3-compat", ["logits_unbiased"], str(weights))
        except ModuleNotFoundError as error:
            raise InceptionWeightsError("inception_weights: pip install torch-fidelity first") from error

    def features(self, images: np.ndarray) -> Tensor:
        """Return (N, 2048) for uint8 (N, H, W, 3)."""
        return _in_bytes(images, self._features)

    def logits(self, images: np.ndarray) -> Tensor:
        """Return (N, 1008) for uint8 (N, H, W, 3)."""
        return _in_bytes(images, self._logits)


def frechet_distance(reference: Tensor, features: Tensor) -> float:
    """Return the Fréchet distance of two sets of features (N, F).

    Source: Heusel et al. 2017, https://arxiv.org/abs/1706.08500, equation 6.
    """
    metric = FrechetInceptionDistance(feature=Computed(features.shape[1]))
    metric.update(reference, real=True)
    metric.update(features, real=False)
    return float(metric.compute())


def kernel_distance(reference: Tensor, features: Tensor) -> float:
    """Return the squared maximum mean discrepancy of two sets of features (N, F), cubic kernel.

    Source: Bińkowski et al. 2018, https://arxiv.org/abs/1801.01401, section 3.1.
    """
    size = min(len(reference), len(features), 1000) // 2
    with _fixed_and_quiet():
        metric = KernelInceptionDistance(feature=Computed(features.shape[1]), subsets=KID_SUBSETS, subset_size=size)
        metric.update(reference, real=True)
        metric.update(features, real=False)
        return float(metric.compute()[0])


def inception_score(logits: Tensor, splits: int = 10) -> float:
    """Return the Inception Score of class logits (N, classes): from 1 to the number of classes.

    Source: Salimans et al. 2016, https://arxiv.org/abs/1606.03498, section 4.
    """
    with _fixed_and_quiet():
        metric = InceptionScore(feature=Computed(logits.shape[1]), splits=splits)
        metric.update(logits)
        return float(metric.compute()[0])


def _require_tensors(weights: Path) -> None:
    """Refuse a file that could run code: torch-fidelity itself would unpickle anything."""
    try:
        torch.load(weights, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever is wrong with the file, it must not be used
        raise InceptionWeightsError(f"inception_weights: {weights} holds more than tensors") from error


@contextmanager
def _fixed_and_quiet() -> Iterator[None]:
    """Choose the same subsets every time, and leave out the warning that features are kept in memory."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        torch.manual_seed(0)
        warnings.filterwarnings("ignore", "Metric .* will save all extracted features", UserWarning)
        yield


@torch.inference_mode()
def _in_bytes(images: np.ndarray, network: nn.Module, batch_size: int = 32) -> Tensor:
    pixels = torch.from_numpy(images).movedim(-1, 1)
    return torch.cat([network(batch) for batch in pixels.split(batch_size)])
