"""`easel train` starts fast, prints what it will do and refuses by name."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.training.cli import train_app


def test_listing_commands_imports_no_torch() -> None:
    """The command line can be mounted anywhere without paying for PyTorch."""
    code = "import sys, models.training.cli; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("part", ["upscaler", "gan"])
def test_unknown_field_is_named(part: str, tmp_path: Path) -> None:
    """A field that the part does not have stops the command before anything is written."""
    arguments = [part, "--out", str(tmp_path / "out"), "--set", "colour=red"]
    result = CliRunner().invoke(train_app, arguments)
    assert result.exit_code == 2
    assert "unknown field colour" in result.output
    assert not (tmp_path / "out").exists()


def test_resume_needs_a_training(tmp_path: Path) -> None:
    """There is nothing to continue in an empty folder."""
    result = CliRunner().invoke(train_app, ["upscaler", "--out", str(tmp_path), "--resume"])
    assert result.exit_code == 2
    assert "holds no training" in result.output
