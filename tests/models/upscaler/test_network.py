"""The upscaler doubles, leaves flat areas alone, and draws edges by the filters of their shape."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from models.checkpoints import CheckpointError, save_network
from models.upscaler.network import Upscaler, UpscalerConfig, enlarge

SMALL = UpscalerConfig(patch=3, num_shapes=4)


def random_images(count: int, side: int) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


def random_upscaler() -> Upscaler:
    upscaler, rng = Upscaler(SMALL), torch.Generator().manual_seed(1)
    upscaler.shapes.copy_(torch.randn(4, 9, generator=rng))
    upscaler.filters.copy_(torch.randn(4, 4, 9, generator=rng))
    return upscaler


def test_flat_areas_are_enlarged_bilinearly() -> None:
    """A gentle slope has no edge, so no filter touches it."""
    slope = torch.linspace(-0.3, 0.3, 16).expand(1, 3, 16, 16)
    expected = functional.interpolate(slope, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(random_upscaler()(slope), expected)


def test_empty_filters_repeat_pixels_at_edges() -> None:
    """Filters only add to the old pixel, so that colours keep their level."""
    images = random_images(1, 8)
    upscaler = Upscaler(UpscalerConfig(patch=3, num_shapes=4, flat=-1.0))
    torch.testing.assert_close(upscaler(images), functional.interpolate(images, scale_factor=2))


def test_new_pixels_stay_between_their_neighbours() -> None:
    """Whatever the filters, no new pixel is brighter or darker than those of its patch: no halos."""
    images = random_images(1, 8)
    padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
    highest = functional.interpolate(functional.max_pool2d(padded, 3, 1), scale_factor=2)
    lowest = -functional.interpolate(functional.max_pool2d(-padded, 3, 1), scale_factor=2)
    drawn = random_upscaler()(images)
    assert (drawn <= highest + 1e-5).all()
    assert (drawn >= lowest - 1e-5).all()


def test_brightness_and_contrast_do_not_change_the_shape() -> None:
    """A patch and its paler copy take the same filters."""
    upscaler = random_upscaler()
    patches = torch.randn(50, 3, 9, generator=torch.Generator().manual_seed(2))
    assert torch.equal(upscaler.nearest_shapes(patches), upscaler.nearest_shapes(patches * 0.1 + 0.3))


@pytest.mark.parametrize("side", [16, 32, 64, 128])
def test_enlarge_reaches_the_side_asked_for(side: int) -> None:
    """Doubling is repeated until the side is reached; the same side needs none."""
    enlarged = enlarge(random_upscaler(), random_images(1, 16), side)
    assert enlarged.shape == (1, 3, side, side)
    assert enlarged.abs().max() <= 1


@pytest.mark.parametrize("side", [8, 24, 48])
def test_enlarge_refuses_other_sides(side: int) -> None:
    """A side that doubling never reaches is refused, not rounded."""
    with pytest.raises(ValueError, match=f"side must be 16 times a power of two, got {side}"):
        enlarge(random_upscaler(), random_images(1, 16), side)


def test_images_do_not_influence_each_other() -> None:
    """A picture is enlarged to the same result alone and in a batch."""
    upscaler, images = random_upscaler(), random_images(3, 16)
    alone = torch.cat([enlarge(upscaler, image[None], 64) for image in images])
    torch.testing.assert_close(enlarge(upscaler, images, 64), alone)


def test_saved_network_comes_back(tmp_path: Path) -> None:
    """Weights survive half precision: values are as before within its rounding."""
    upscaler = random_upscaler()
    save_network(upscaler, upscaler.config, tmp_path)
    filters = Upscaler.from_pretrained(tmp_path).filters
    torch.testing.assert_close(filters, upscaler.filters, rtol=1e-3, atol=1e-3)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    """A folder without an upscaler is an error that names the file."""
    with pytest.raises(CheckpointError, match=r"config\.json"):
        Upscaler.from_pretrained(tmp_path)
