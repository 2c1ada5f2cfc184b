"""`easel train`: train a bundled model, or train it further.

PyTorch is imported by the command, not by this module, so that `easel --help` stays fast.
"""

import importlib
import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.training.config import ConfigError, TrainingConfig, changed, load_config, save_config

if TYPE_CHECKING:
    from types import ModuleType

CONFIG_FILE = "training.json"

train_app = typer.Typer(help="Train the bundled models.", no_args_is_help=True)


class Preset(StrEnum):
    """The configurations that every part offers."""

    cpu = "cpu"
    gpu = "gpu"


Out = Annotated[Path, typer.Option(help="Folder for state, log, curves, sheets and export.")]
PresetOption = Annotated[Preset | None, typer.Option(help="Where to start from [cpu].")]
Steps = Annotated[int | None, typer.Option(help="Steps in all, also those already taken.")]
Changes = Annotated[list[str] | None, typer.Option("--set", help="Change a field: name=value.")]
Data = Annotated[Path | None, typer.Option(help="Your captioned pictures: a folder, .zip or .tar [the picture book].")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the training in OUT.")]


def _command(part: str, help_text: str) -> None:
    """Add the command for a part that learns from any captioned pictures."""

    def command(
        out: Out,
        data: Data = None,
        preset: PresetOption = None,
        steps: Steps = None,
        changes: Changes = None,
        resume: Resume = False,
    ) -> None:
        own = [f"data={data}"] if data is not None else []
        _run(part, out, preset, steps, [*own, *(changes or [])], resume=resume)

    train_app.command(part, help=help_text)(command)


def _referee_command(part: str, help_text: str) -> None:
    """Add the command for a part that needs the picture book, whose every attribute is known."""

    def command(
        out: Out,
        preset: PresetOption = None,
        steps: Steps = None,
        changes: Changes = None,
        resume: Resume = False,
    ) -> None:
        _run(part, out, preset, steps, changes or [], resume=resume)

    train_app.command(part, help=help_text)(command)


def _run(part: str, out: Path, preset: str | None, steps: int | None, changes: list[str], *, resume: bool) -> None:
    from models.checkpoints import CheckpointError  # noqa: PLC0415 - see the module's docstring
    from models.training.files import DataError  # noqa: PLC0415
    from models.training.state import TrainingStateError  # noqa: PLC0415

    unusable = (CheckpointError, ConfigError, DataError, FileExistsError, FileNotFoundError, TrainingStateError)
    everything = [*changes, *([f"steps={steps}"] if steps is not None else [])]
    try:
        run_training(part, out, preset, everything, resume=resume)
    except unusable as error:
        raise typer.BadParameter(str(error)) from error


def run_training(part: str, out: Path, preset: str | None, changes: list[str], *, resume: bool) -> None:
    """Resolve the configuration, print it, and train.

    Raises:
        CheckpointError: a network to start from cannot be loaded.
        ConfigError: a field is unknown or unusable, or `preset` is given while resuming.
        DataError: the pictures to train on cannot be used.
        FileExistsError: `out` holds a training already and `resume` is false.
        FileNotFoundError: `resume` is true and `out` holds none.
        TrainingStateError: the state to resume from is damaged, or was reached with other data.
    """
    module = importlib.import_module(f"models.training.{part}")
    config = _resolve(module, out, preset, changes, resume=resume)
    _train(module, config, out, resume=resume)


def _resolve(
    module: "ModuleType", out: Path, preset: str | None, changes: list[str], *, resume: bool
) -> TrainingConfig:
    presets: dict[str, TrainingConfig] = module.PRESETS
    saved = out / CONFIG_FILE
    if not resume:
        if saved.exists():
            raise FileExistsError(f"{out} holds a training: --resume it or choose another --out")
        return changed(presets[preset or "cpu"], changes)
    if preset is not None:
        raise ConfigError("preset cannot be given with --resume: the training has its own config")
    if not saved.exists():
        raise FileNotFoundError(f"{out} holds no training to resume")
    return changed(load_config(type(presets["cpu"]), saved), changes)


def _train(module: "ModuleType", config: TrainingConfig, out: Path, *, resume: bool) -> None:
    import torch  # noqa: PLC0415 - see the module's docstring

    from models.training import parallel  # noqa: PLC0415
    from models.training.loop import train  # noqa: PLC0415

    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    with parallel.process_group():
        task: Any = module.create_task(config)
        if parallel.rank() == 0:
            typer.echo(json.dumps(asdict(config), indent=2))
            save_config(config, out / CONFIG_FILE)
        train(task, config, out, resume=resume)


_command("tokenizer", "Train the image tokenizer.")
_command("transformer", "Train the text-to-image transformer on a tokenizer's tokens.")
_command("gan", "Train the text-to-image GAN on a tokenizer's latents.")
_command("upscaler", "Train the network that doubles a picture's size.")
_referee_command("judge", "Train the classifier of attributes that evaluation judges with.")
_referee_command("matcher", "Train the dual encoder that evaluation finds captions with.")
