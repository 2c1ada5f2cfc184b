"""The GAN's training in small: it learns, plays, exports what its generator loads, and goes on exactly."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch

from models.gan.generator import GanGenerator
from models.training.book_pages import is_hard
from models.training.config import ConfigError
from models.training.gan import PRESETS, GanTraining, create_task
from models.training.loop import train
from models.training.state import load_state
from models.transformer.tokenizer import ImageTokenizer, TokenizerConfig

pytestmark = pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> GanTraining:
    """A training of seconds, on a tokenizer with random weights."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("tokenizer")
    sizes = TokenizerConfig(codebook_size=8, latent_channels=4, coarse_width=8, fine_width=8)
    ImageTokenizer(sizes).save_pretrained(folder)
    return dataclasses.replace(
        PRESETS["cpu"], tokenizer=str(folder), pages=12, fitting_pages=24, num_compositions=5,
        text_width=32, style_width=32, style_layers=1, z_size=4, critic_width=16, embedding_size=8,
        steps=6, warm_up_steps=3, batch_size=4, log_every=1, save_every=4, penalty_every=2,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(config: GanTraining, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    train(start(config), config, out)
    return out


def start(config: GanTraining):
    torch.manual_seed(config.seed)
    return create_task(config)


def test_warm_up_and_game_report_their_losses(trained: Path) -> None:
    """The discriminator joins after the warm-up, and with it its losses."""
    first, *_, last = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    assert {"redraw", "divergence", "contrast"} <= first.keys()
    assert {"redraw", "generator", "guidance", "discriminator", "matching"} <= last.keys()


def test_resumed_training_ends_in_the_same_weights(config: GanTraining, trained: Path, tmp_path: Path) -> None:
    """Stopping after the fourth step and going on changes nothing."""
    train(start(config), dataclasses.replace(config, steps=4), tmp_path)
    train(start(config), config, tmp_path, resume=True)
    ours, theirs = (load_state(out / "state.safetensors")["networks"] for out in (tmp_path, trained))
    torch.testing.assert_close(ours, theirs)


def test_export_is_what_the_image_generator_loads(trained: Path) -> None:
    """The exported folder draws pictures by itself."""
    model = GanGenerator.from_pretrained(trained / "export")
    assert model.generate_image("A pink house.", seed=1).shape == (128, 128, 3)


def test_new_training_starts_from_an_export(config: GanTraining, trained: Path) -> None:
    """The generator of a new training is the exported one, and its compositions are not fitted again."""
    task = start(dataclasses.replace(config, start_from=str(trained / "export")))
    exported = GanGenerator.from_pretrained(trained / "export")
    assert task.networks["generator"].compositions.fitted
    torch.testing.assert_close(task.networks["generator"].head.weight, exported._network.head.weight)


def test_export_is_enough_to_go_on_playing(config: GanTraining, trained: Path, tmp_path: Path) -> None:
    """No warm-up is needed: critics and tokenizer come from the export."""
    export = trained / "export"
    going_on = dataclasses.replace(
        config, start_from=str(export), tokenizer=str(export / "tokenizer"), warm_up_steps=0, steps=2
    )  # fmt: skip
    assert train(start(going_on), going_on, tmp_path) == 2


def test_a_start_without_critics_warms_new_ones_up(config: GanTraining, trained: Path, tmp_path: Path) -> None:
    """The bundled generator has none: going on trains fresh ones, and is refused where nothing would."""
    shutil.copytree(trained / "export", tmp_path / "bundled", ignore=shutil.ignore_patterns("critics"))
    going_on = dataclasses.replace(config, start_from=str(tmp_path / "bundled"), steps=2, warm_up_steps=1)
    assert train(start(going_on), going_on, tmp_path / "out") == 2
    with pytest.raises(ConfigError, match=r"warm_up_steps must be positive, as .* has no critics, got 0"):
        start(dataclasses.replace(going_on, warm_up_steps=0))


@pytest.mark.parametrize(
    ("field", "value"), [("warm_up_steps", 7), ("fitting_pages", 5), ("batch_size", 3), ("hard_share", 1.0)]
)
def test_unusable_sizes_are_refused_by_name(config: GanTraining, field: str, value: int) -> None:
    """What cannot work is refused before anything is drawn."""
    with pytest.raises(ConfigError, match=field):
        dataclasses.replace(config, **{field: value})


def test_hard_pages_are_learned_from_more_often(config: GanTraining) -> None:
    """The share that the configuration names reaches the pages that the training reads."""
    pages = start(dataclasses.replace(config, hard_share=0.9))._pages._pages
    hard = [is_hard(pages.page(number).scene) for number in range(50)]
    assert sum(hard) > 40
