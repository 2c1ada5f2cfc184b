"""Configurations are changed by name and refused by name."""

from pathlib import Path

import pytest

from models.training.config import ConfigError, TrainingConfig, changed, load_config, save_config

CONFIG = TrainingConfig(steps=10, batch_size=4, learning_rate=0.1)


def test_changes_are_parsed_by_the_fields_type() -> None:
    """Text from the command line becomes the type of the field it replaces."""
    config = changed(CONFIG, ["steps=20", "learning_rate=3e-4", "device=cuda"])
    assert (config.steps, config.learning_rate, config.device) == (20, 3e-4, "cuda")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("stepz=3", "unknown field stepz"),
        ("steps=many", "steps must be of type int, got 'many'"),
        ("steps=0", "steps must be positive, got 0"),
        ("learning_rate=-1", "learning_rate must be positive"),
        ("device=tpu", "device must be cpu or cuda"),
        ("steps", "not of the form name=value"),
    ],
)
def test_unusable_change_is_refused_by_name(change: str, message: str) -> None:
    """The error names the field, so that a typing mistake is found at once."""
    with pytest.raises(ConfigError, match=message):
        changed(CONFIG, [change])


def test_saved_configuration_comes_back(tmp_path: Path) -> None:
    """Saving and loading is the identity."""
    save_config(CONFIG, tmp_path / "training.json")
    assert load_config(TrainingConfig, tmp_path / "training.json") == CONFIG


def test_saved_configuration_with_a_foreign_field_is_refused(tmp_path: Path) -> None:
    """A field that this version does not know is an error, not ignored."""
    (tmp_path / "training.json").write_text('{"steps": 1, "momentum": 0.9}')
    with pytest.raises(ConfigError, match="unknown field momentum"):
        load_config(TrainingConfig, tmp_path / "training.json")
