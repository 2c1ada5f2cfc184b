"""Distances between populations, on features whose distances are known."""

from pathlib import Path

import pytest
import torch

from models.evaluation.distances import (
    Inception,
    InceptionWeightsError,
    frechet_distance,
    inception_score,
    kernel_distance,
)


def features(count: int, shift: float = 0.0, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(seed)) + shift


def test_frechet_distance_of_a_shift():
    """For two Gaussians of equal covariance it is the squared distance of their means."""
    assert frechet_distance(features(4000), features(4000, shift=2.0)) == pytest.approx(16.0, rel=0.01)


def test_kernel_distance_is_unbiased():
    """For two samples of one distribution it is near zero, and far from it for a shift."""
    assert abs(kernel_distance(features(400), features(400, seed=1))) < 0.05
    assert kernel_distance(features(400), features(400, shift=1.0, seed=1)) > 1.0


def test_kernel_distance_is_repeatable():
    """Its random subsets are the same every time, and PyTorch's own numbers go on undisturbed."""
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    once = kernel_distance(features(50), features(50, seed=1))
    assert torch.rand(1) == expected
    assert kernel_distance(features(50), features(50, seed=1)) == once


def test_inception_score_counts_certain_classes():
    """It is the number of classes when all occur and each answer is certain, one when all are alike."""
    certain = torch.eye(5).repeat(200, 1) * 100
    assert inception_score(certain) == pytest.approx(5.0, rel=0.05)
    assert inception_score(certain[:1].repeat(100, 1)) == pytest.approx(1.0)


def test_missing_inception_weights_are_named(tmp_path):
    """A file that isn't there is an error that names the option and the file."""
    with pytest.raises(InceptionWeightsError, match=r"inception_weights: there is no file .*absent\.pth"):
        Inception(tmp_path / "absent.pth")


def test_weights_that_could_run_code_are_refused(tmp_path):
    """A pickle of anything but tensors is refused before anybody unpickles it."""
    torch.save({"trap": Path("x")}, tmp_path / "trap.pth")
    with pytest.raises(InceptionWeightsError, match=r"inception_weights: .*trap\.pth holds more than tensors"):
        Inception(tmp_path / "trap.pth")
