"""The upscaler's training in small: shapes, then filters, better than doing without."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from models.picturebook import draw, picture
from models.training.data import normalized
from models.training.loop import train
from models.training.upscaler import PRESETS, UpscalerTraining, create_task
from models.upscaler.network import Upscaler


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of seconds, on drawings alone."""
    out = tmp_path_factory.mktemp("trained")
    config = dataclasses.replace(
        PRESETS["cpu"], steps=6, batch_size=1, shape_steps=2, num_shapes=32, patch=5, tokenizer="", base_share=1.0
    )  # fmt: skip
    train(start(config), config, out)
    return out


def start(config: UpscalerTraining):
    torch.manual_seed(config.seed)
    return create_task(config)


def test_filters_beat_bilinear_enlargement(trained: Path) -> None:
    """On a page that was not seen, the error is smaller than that of the plain method."""
    upscaler = Upscaler.from_pretrained(trained / "export")
    page = picture(7, split="heldout")
    small, large = normalized([page.image]), normalized([draw(page.scene, 256)])
    plain = functional.interpolate(small, scale_factor=2, mode="bilinear")
    assert (upscaler(small) - large).square().mean() < 0.8 * (plain - large).square().mean()


def test_sheet_shows_three_pictures_a_row(trained: Path) -> None:
    """Bilinear, filtered and drawn pictures stand side by side."""
    assert (trained / "sheets" / "00000006.png").exists()
