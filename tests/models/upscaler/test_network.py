"""The upscaler doubles, and does no harm before it has learned anything."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from models.checkpoints import CheckpointError, save_network
from models.upscaler.network import Upscaler, UpscalerConfig, enlarge

SMALL = UpscalerConfig(width=8, num_blocks=1)


def random_images(count: int, side: int) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


def with_random_head(upscaler: Upscaler) -> Upscaler:
    torch.nn.init.normal_(upscaler.head.weight, std=0.1)
    return upscaler


def test_fresh_network_enlarges_bilinearly() -> None:
    """Training starts from a sensible picture: the head adds nothing at first."""
    images = random_images(2, 16)
    upscaler = Upscaler(SMALL)
    torch.nn.init.zeros_(upscaler.head.bias)
    expected = functional.interpolate(images, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(upscaler(images), expected)


@pytest.mark.parametrize("side", [16, 32, 64, 128])
def test_enlarge_reaches_the_side_asked_for(side: int) -> None:
    """Doubling is repeated until the side is reached; the same side needs none."""
    enlarged = enlarge(Upscaler(SMALL), random_images(1, 16), side)
    assert enlarged.shape == (1, 3, side, side)
    assert enlarged.abs().max() <= 1


@pytest.mark.parametrize("side", [8, 24, 48])
def test_enlarge_refuses_other_sides(side: int) -> None:
    """A side that doubling never reaches is refused, not rounded."""
    with pytest.raises(ValueError, match=f"side must be 16 times a power of two, got {side}"):
        enlarge(Upscaler(SMALL), random_images(1, 16), side)


def test_images_do_not_influence_each_other() -> None:
    """A picture is enlarged to the same result alone and in a batch."""
    upscaler, images = with_random_head(Upscaler(SMALL)), random_images(3, 16)
    alone = torch.cat([enlarge(upscaler, image[None], 64) for image in images])
    torch.testing.assert_close(enlarge(upscaler, images, 64), alone)


def test_saved_network_comes_back(tmp_path: Path) -> None:
    """Weights survive half precision: sides and values are as before within its rounding."""
    upscaler = with_random_head(Upscaler(SMALL))
    save_network(upscaler, upscaler.config, tmp_path)
    loaded = Upscaler.from_pretrained(tmp_path)
    images = random_images(1, 16)
    torch.testing.assert_close(loaded(images), upscaler(images), rtol=0, atol=5e-3)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    """A folder without an upscaler is an error that names the file."""
    with pytest.raises(CheckpointError, match=r"config\.json"):
        Upscaler.from_pretrained(tmp_path)
