import dataclasses

import pytest
import torch

from models.training.config import ConfigError
from models.training.transformer import TransformerTraining, create_task
from models.transformer.generator import TransformerGenerator
from tests.models.transformer.small_networks import small_tokenizer


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    small_tokenizer().save_pretrained(folder)
    return TransformerTraining(
        steps=40, batch_size=4, learning_rate=5e-3, tokenizer=str(folder),
        width=64, image_layers=1, text_layers=1, warmup=1, compiled=False,
    )  # fmt: skip


@pytest.fixture
def task(config):
    torch.manual_seed(0)
    return create_task(config)


def test_a_batch_is_a_function_of_the_step(task):
    """Resuming meets the pictures that it would have met."""
    texts, blocks = task.batch(3, 0, 1)
    again_texts, again_blocks = task.batch(3, 0, 1)

    assert torch.equal(texts, again_texts)
    assert torch.equal(blocks, again_blocks)
    assert not torch.equal(blocks, task.batch(4, 0, 1)[1])


def test_processes_share_the_pictures_of_a_step(task):
    """Two processes together see what one alone would, each picture once."""
    together = task.batch(3, 0, 1)[1]

    shares = [task.batch(3, rank, 2)[1] for rank in (0, 1)]

    assert torch.equal(torch.stack(shares, dim=1).flatten(0, 1), together)


@pytest.mark.filterwarnings("ignore:Mismatch dtype:UserWarning")  # autocast: fp32 norms of bf16 activations
def test_training_lowers_the_loss_of_every_level(task):
    """A few steps on one batch are enough to see it."""
    batch = task.batch(0, 0, 1)

    losses = [task.step(batch, step) for step in range(12)]

    for name in ("loss_1", "loss_2"):
        assert losses[-1][name] < 0.9 * losses[0][name]


def test_the_export_is_a_generator(task, tmp_path):
    """What training writes is what the service loads."""
    task.export(tmp_path)

    image = TransformerGenerator.from_pretrained(tmp_path).generate_image("A pink house.", seed=1)

    assert image.shape == (128, 128, 3)


def test_training_goes_on_from_an_exported_transformer(config, task, tmp_path):
    """A fresh task with a start has its weights, up to half precision."""
    task.export(tmp_path)

    further = create_task(dataclasses.replace(config, start=str(tmp_path / "transformer")))

    pairs = zip(further.transformer.parameters(), task.average.parameters(), strict=True)
    assert all(torch.allclose(new, old, atol=1e-3) for new, old in pairs)


def test_a_share_above_one_is_refused(config):
    """The message names the field."""
    with pytest.raises(ConfigError, match="token_noise"):
        dataclasses.replace(config, token_noise=1.5)
