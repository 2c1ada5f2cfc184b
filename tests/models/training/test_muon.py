import torch
from torch import nn

from models.training.muon import Muon, orthogonalize


def test_orthogonalizing_brings_all_singular_values_near_one():
    """Wide, tall and square matrices alike; the vectors stay."""
    rng = torch.Generator().manual_seed(0)
    for size in ((8, 32), (32, 8), (16, 16)):
        values = torch.linalg.svdvals(orthogonalize(torch.randn(size, generator=rng), 8))
        assert values[:8].min() > 0.5
        assert values.max() < 1.3


def test_muon_brings_a_linear_map_to_its_target():
    """A few hundred steps fit a random matrix."""
    torch.manual_seed(0)
    matrix, target = nn.Parameter(torch.zeros(6, 10)), torch.randn(6, 10)
    muon = Muon([matrix], lr=0.05, weight_decay=0.0)

    for _ in range(300):
        muon.zero_grad()
        (matrix - target).square().sum().backward()
        muon.step()

    assert (matrix - target).square().mean() < 0.05


def test_the_size_of_a_step_does_not_depend_on_the_size_of_the_gradient():
    """Only the direction counts."""
    steps = []
    for scale in (1.0, 1000.0):
        matrix = nn.Parameter(torch.zeros(4, 4))
        matrix.grad = scale * torch.eye(4)
        Muon([matrix], lr=0.1, weight_decay=0.0).step()
        steps.append(matrix.detach())

    torch.testing.assert_close(steps[0], steps[1], atol=1e-3, rtol=1e-2)
