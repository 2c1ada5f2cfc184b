"""The upscaler's least squares finds what there is to be found."""

import torch

from models.training.filter_fit import FilterFit
from models.upscaler.network import Upscaler, UpscalerConfig

SMALL = UpscalerConfig(patch=3, num_shapes=2)


def two_kinds_of_patches(count: int) -> torch.Tensor:
    """Return patches (M, 3, 9) that brighten to the right or downwards, with a little noise."""
    rng = torch.Generator().manual_seed(0)
    across = torch.tensor([-1.0, 0, 1]).repeat(3)
    kinds = torch.stack([across, across.unflatten(0, (3, 3)).T.flatten()])
    noise = torch.randn(count, 3, 9, generator=rng) * 0.3
    return kinds[torch.arange(count) % 2][:, None] + noise


def fitted(patches: torch.Tensor) -> tuple[Upscaler, FilterFit]:
    torch.manual_seed(0)
    upscaler = Upscaler(SMALL)
    fit = FilterFit(SMALL.num_shapes, 9)
    upscaler.shapes.copy_(upscaler.normalized(patches[:2]))
    fit.move_shapes(upscaler, patches)
    return upscaler, fit


def test_shapes_settle_on_the_kinds_of_patches() -> None:
    """Each kind of patch has a shape of its own, close to its mean."""
    patches = two_kinds_of_patches(100)
    upscaler, _ = fitted(patches)
    assert upscaler.nearest_shapes(patches).tolist() == [0, 1] * 50
    means = torch.stack([upscaler.normalized(patches[kind::2]).mean(dim=0) for kind in (0, 1)])
    torch.testing.assert_close(upscaler.shapes, torch.nn.functional.normalize(means, dim=1))


def test_solved_filters_give_the_answers() -> None:
    """Answers that are linear in the patch are found again, for each shape its own."""
    patches = two_kinds_of_patches(400)
    upscaler, fit = fitted(patches)
    truth = torch.randn(2, 4, 9, generator=torch.Generator().manual_seed(1))
    answers = torch.einsum("mcp,mkp->mck", patches, truth[torch.arange(400) % 2])
    for part in torch.arange(400).split(100):
        fit.add(upscaler, patches[part], answers[part])
    fit.solve(upscaler)
    torch.testing.assert_close(upscaler.filters, truth, atol=0.1, rtol=0)


def test_unseen_shapes_get_empty_filters() -> None:
    """A shape that was never noted adds nothing, instead of failing the solution."""
    upscaler, fit = fitted(two_kinds_of_patches(10))
    fit.solve(upscaler)
    assert torch.equal(upscaler.filters, torch.zeros_like(upscaler.filters))
