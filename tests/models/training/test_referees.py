"""The judge and the matcher are trained like the generators: resumable, from data that follows the step."""

import dataclasses

import numpy as np
import pytest
import torch

from models.training import judge, matcher
from models.training.degradation import FAULTS, ruined, with_fault


@pytest.mark.parametrize("part", [judge, matcher])
def test_a_batch_follows_from_its_step(part):
    """The same step gives the same batch, so that a resumed training goes on as if unbroken."""
    task = part.create_task(dataclasses.replace(part.PRESETS["cpu"], batch_size=4))
    once, again = task.batch(7, 0, 1), task.batch(7, 0, 1)
    assert all(torch.equal(first, second) for first, second in zip(once, again, strict=True))


@pytest.mark.parametrize("part", [judge, matcher])
def test_a_step_changes_the_average_that_is_exported(part, tmp_path):
    """One step gives finite losses and moves the weights that are exported."""
    task = part.create_task(dataclasses.replace(part.PRESETS["cpu"], batch_size=4))
    (average,) = task.ema.values()
    before = next(average.parameters()).clone()
    losses = task.step(task.batch(0, 0, 1), 0)
    assert all(np.isfinite(loss) for loss in losses.values())
    assert not torch.equal(before, next(average.parameters()))
    task.export(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"model.safetensors", "config.json"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_keeps_the_form(fault):
    """A faulty picture is still a picture of the same size, and follows from the generator's seed."""
    image = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    once, again = (with_fault(image, fault, np.random.default_rng(1)) for _ in range(2))
    assert once.shape == image.shape
    assert once.dtype == np.uint8
    assert (once == again).all()


def test_ruins_of_every_way():
    """Every way of ruining keeps the form and changes the picture."""
    image, other = np.random.default_rng(0).integers(0, 255, (2, 128, 128, 3), dtype=np.uint8)
    for seed in range(12):
        ruin = ruined(image, other, np.random.default_rng(seed))
        assert ruin.shape == image.shape
        assert ruin.dtype == np.uint8
        assert (ruin != image).any()
