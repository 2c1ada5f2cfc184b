"""Training configurations: frozen dataclasses, changed by `name=value`, refused by field name."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar


class ConfigError(ValueError):
    """A configuration field is unknown or has an unusable value; the message names it."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """What every training has; each part adds its own fields.

    `batch_size` counts pictures per step over all processes. `device` is `cpu` or `cuda`;
    `threads` is PyTorch's on the CPU.
    """

    steps: int
    batch_size: int
    learning_rate: float
    seed: int = 0
    log_every: int = 20
    save_every: int = 500
    device: str = "cpu"
    threads: int = 2

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "learning_rate", "log_every", "save_every", "threads"):
            self.require(name, getattr(self, name) > 0, "must be positive")
        self.require("device", self.device in ("cpu", "cuda"), "must be cpu or cuda")

    def require(self, name: str, holds: bool, rule: str) -> None:
        """Check a rule on one field.

        Raises:
            ConfigError: the rule does not hold.
        """
        if not holds:
            raise ConfigError(f"{name} {rule}, got {getattr(self, name)!r}")


@dataclass(frozen=True, kw_only=True)
class PictureTraining(TrainingConfig):
    """A training on pictures that need no known attributes.

    `data` is a folder or an archive of the user's own captioned pictures, or empty: the picture book.
    """

    data: str = ""


Config = TypeVar("Config", bound=TrainingConfig)


def changed(config: Config, changes: Sequence[str]) -> Config:
    """Return the configuration with each `name=value` applied.

    Raises:
        ConfigError: a field is unknown, or its value has the wrong type or is out of range.
    """
    values = dict(_parsed(config, change) for change in changes)
    return dataclasses.replace(config, **values)


def save_config(config: TrainingConfig, path: Path) -> None:
    """Write the configuration as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dataclasses.asdict(config), indent=2) + "\n", encoding="utf-8")


def load_config(kind: type[Config], path: Path) -> Config:
    """Read a configuration of this kind.

    Raises:
        ConfigError: a field is unknown, missing or unusable.
    """
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    known = {field.name for field in dataclasses.fields(kind)}
    for name in values.keys() - known:
        raise ConfigError(f"{path}: unknown field {name}")
    for name in known - values.keys():
        raise ConfigError(f"{path}: field {name} is missing")
    return kind(**values)


def _parsed(config: TrainingConfig, change: str) -> tuple[str, Any]:
    name, separator, text = change.partition("=")
    if not separator:
        raise ConfigError(f"{change!r} is not of the form name=value")
    if name not in {field.name for field in dataclasses.fields(config)}:
        raise ConfigError(f"unknown field {name}")
    kind = type(getattr(config, name))
    try:
        return name, _PARSERS[kind](text)
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{name} must be of type {kind.__name__}, got {text!r}") from error


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


_PARSERS: dict[type, Callable[[str], Any]] = {int: int, float: float, str: str, bool: _boolean}
