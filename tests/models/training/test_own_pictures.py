"""`easel train PART --data`: every part of a generator learns from a user's own captioned pictures."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import Result
from typer.testing import CliRunner

from models.gan.generator import GanGenerator
from models.training.cli import train_app
from models.training.config import load_config
from models.training.state import load_state
from models.training.transformer import TransformerTraining, create_task
from models.transformer.generator import TransformerGenerator
from models.transformer.tokenizer import ImageTokenizer
from models.upscaler.network import Upscaler
from tests.models.training.own_pictures import save_pictures
from tests.models.transformer.small_networks import small_tokenizer

pytestmark = pytest.mark.filterwarnings("ignore:Mismatch dtype:UserWarning")  # autocast: fp32 norms of bf16 activations

SMALL_TRANSFORMER = {
    "width": 64, "image_layers": 1, "text_layers": 1, "text_length": 8,
    "compiled": "false", "batch_size": 4, "threads": 1,
}  # fmt: skip

SMALL_GAN = {
    "text_width": 32, "style_width": 32, "style_layers": 1, "z_size": 4, "critic_width": 16, "embedding_size": 8,
    "num_compositions": 5, "fitting_pages": 16, "text_length": 8, "warm_up_steps": 1, "batch_size": 4, "threads": 1,
}  # fmt: skip


def train(part: str, out: Path, *arguments: str, **fields: object) -> Result:
    changes = [argument for name, value in fields.items() for argument in ("--set", f"{name}={value}")]
    return CliRunner().invoke(train_app, [part, "--out", str(out), *arguments, *changes])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_pictures(tmp_path_factory.mktemp("own"), side=256)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer")
    small_tokenizer().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def transformer(folder: Path, tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six steps on sixteen pictures: the second round begins in mid-training."""
    out = tmp_path_factory.mktemp("transformer")
    result = train("transformer", out, "--data", str(folder), "--steps", "6", tokenizer=tokenizer, **SMALL_TRANSFORMER)
    assert result.exit_code == 0, result.output
    return out


def test_the_tokenizer_learns_to_redraw_them(folder: Path, tokenizer: Path, tmp_path: Path) -> None:
    """Crops of own pictures train the decoder."""
    result = train(
        "tokenizer", tmp_path, "--data", str(folder), "--steps", "2", start=tokenizer, batch_size=8, threads=1
    )

    assert result.exit_code == 0, result.output
    assert ImageTokenizer.from_pretrained(tmp_path / "export").codebook_size == 32


def test_the_transformer_learns_their_words(transformer: Path) -> None:
    """What is exported knows the words of the captions, and no others."""
    model = TransformerGenerator.from_pretrained(transformer / "export")

    assert model.generate_image("A red square on navy velvet.").shape == (128, 128, 3)
    assert "velvet" in json.loads((transformer / "export" / "vocabulary.json").read_text())
    assert model._words.unknown_words("A velvet house.") == ["house"]


def test_the_gan_learns_their_words(folder: Path, tokenizer: Path, tmp_path: Path) -> None:
    """A step alone and a step against the discriminator, on own captions and wrong ones."""
    result = train("gan", tmp_path, "--data", str(folder), "--steps", "2", tokenizer=tokenizer, **SMALL_GAN)

    assert result.exit_code == 0, result.output
    model = GanGenerator.from_pretrained(tmp_path / "export")
    assert model.generate_image("A red square on navy velvet.").shape == (128, 128, 3)
    assert model._words.unknown_words("A velvet house.") == ["house"]


def test_the_upscaler_learns_from_them_at_two_sizes(folder: Path, tmp_path: Path) -> None:
    """A picture of 256 pixels, scaled to 128, teaches how to double."""
    result = train(
        "upscaler", tmp_path, "--data", str(folder), "--steps", "3",
        tokenizer="", base_share=1.0, batch_size=1, shape_steps=1, num_shapes=8, patch=3,
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    assert Upscaler.from_pretrained(tmp_path / "export").config.num_shapes == 8


def test_the_upscaler_refuses_what_is_too_small_to_learn_from(folder: Path, tmp_path: Path) -> None:
    """With its larger pairs, it needs pictures of 512 pixels."""
    result = train("upscaler", tmp_path, "--data", str(folder), "--steps", "1", tokenizer="")

    assert result.exit_code == 2
    assert "at least 512" in " ".join(result.output.replace("│", " ").split())


def test_a_resumed_training_meets_the_pictures_it_would_have_met(
    folder: Path, tokenizer: Path, transformer: Path, tmp_path: Path
) -> None:
    """Stopped within a round and resumed, the weights are the same, bit by bit."""
    common = ("transformer", tmp_path, "--data", str(folder))
    assert train(*common, "--steps", "3", tokenizer=tokenizer, **SMALL_TRANSFORMER).exit_code == 0
    assert train(*common, "--steps", "6", "--resume").exit_code == 0

    resumed, whole = (load_state(out / "state.safetensors")["networks"] for out in (tmp_path, transformer))
    torch.testing.assert_close(resumed, whole, rtol=0, atol=0)


def test_resuming_with_other_captions_is_refused(folder: Path, transformer: Path, tmp_path: Path) -> None:
    """Words would have other tokens: the training says so instead of going on."""
    out = shutil.copytree(transformer, tmp_path / "out")
    own = shutil.copytree(folder, tmp_path / "own")
    (own / "red-white.txt").write_text("A scarlet square on white velvet.")

    result = train("transformer", out, "--data", str(own), "--steps", "7", "--resume")

    assert result.exit_code == 2
    assert "not those that the training began with" in " ".join(result.output.replace("│", " ").split())


def test_processes_share_own_pictures(transformer: Path) -> None:
    """Two processes together meet what one alone would, each picture once."""
    task = create_task(load_config(TransformerTraining, transformer / "training.json"))
    texts, blocks = task.batch(5, 0, 1)

    shares = [task.batch(5, rank, 2) for rank in (0, 1)]

    assert torch.equal(torch.stack([text for text, _ in shares], dim=1).flatten(0, 1), texts)
    assert torch.equal(torch.stack([block for _, block in shares], dim=1).flatten(0, 1), blocks)


def test_a_part_that_needs_known_attributes_takes_no_own_pictures(folder: Path, tmp_path: Path) -> None:
    """The judge is taught by the picture book alone, and says so."""
    result = train("judge", tmp_path, data=folder)

    assert result.exit_code == 2
    assert "unknown field data" in result.output
