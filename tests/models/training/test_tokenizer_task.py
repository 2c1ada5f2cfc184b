import dataclasses

import pytest
import torch

from models.training.config import ConfigError
from models.training.tokenizer import TokenizerTraining, create_task
from models.transformer.tokenizer import ImageTokenizer
from tests.models.transformer.small_networks import small_tokenizer


@pytest.fixture
def config(tmp_path):
    small_tokenizer().save_pretrained(tmp_path / "start")
    return TokenizerTraining(
        steps=40, batch_size=4, crops_per_picture=2, crop=32, learning_rate=3e-3, start=str(tmp_path / "start")
    )


def test_only_the_decoder_is_trained(config):
    """Tokens made before the training stay valid."""
    task = create_task(config)
    before = {name: p.clone() for name, p in task.tokenizer.named_parameters()}

    task.step(task.batch(0, 0, 1), 0)

    changed = {name.split(".")[0] for name, p in task.tokenizer.named_parameters() if not torch.equal(p, before[name])}
    assert changed == {"decoder"}


def test_training_redraws_better(config):
    """A few steps on one batch raise its PSNR."""
    task = create_task(config)
    batch = task.batch(0, 0, 1)

    losses = [task.step(batch, step) for step in range(30)]

    assert losses[-1]["psnr"] > losses[0]["psnr"]


def test_crops_begin_at_tokens(config):
    """The encoder sees in a crop what it sees in a whole picture."""
    task = create_task(dataclasses.replace(config, crop=128, batch_size=2))
    whole = task.batch(0, 0, 1)[0]

    crops = create_task(dataclasses.replace(config, batch_size=2)).batch(0, 0, 1)

    patches = {tuple(p) for p in _patches(whole).tolist()}
    assert all(tuple(p) in patches for p in _patches(crops[0]).tolist())


def _patches(image):
    return torch.nn.functional.pixel_unshuffle(image, 8).flatten(1).T.contiguous()


def test_the_export_is_a_tokenizer(config, tmp_path):
    """It loads, and knows as many codes."""
    task = create_task(config)
    task.export(tmp_path / "export")

    assert ImageTokenizer.from_pretrained(tmp_path / "export").codebook_size == 32


def test_a_crop_that_cuts_tokens_is_refused(config):
    """The message names the field."""
    with pytest.raises(ConfigError, match="crop must be a multiple of 8"):
        dataclasses.replace(config, crop=60)
