"""The loop's promise: however a training is interrupted or spread, its curve is the same."""

import json
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from models.training.loop import train
from models.training.state import load_state

SCRIPT = Path(__file__).with_name("tiny_training.py")
TINY = runpy.run_path(str(SCRIPT))
STEPS = 30


def train_tiny(out: Path, steps: int = STEPS, *, resume: bool = False, dropout: float = 0.5) -> int:
    config = TINY["tiny_config"](steps)
    return train(TINY["TinyTask"](config, dropout=dropout), config, out, resume=resume)


def log_of(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def start_slowly(out: Path) -> subprocess.Popen[bytes]:
    """Start a training of a few seconds and return once it has saved a state or two."""
    process = subprocess.Popen([sys.executable, SCRIPT, out, str(STEPS), "0.15"], cwd=Path.cwd())
    deadline = time.monotonic() + 60
    while not (out / "state.safetensors.previous").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("uninterrupted")
    train_tiny(out)
    return out


def test_training_resumed_after_a_kill_has_the_same_curve(tmp_path: Path, uninterrupted: Path) -> None:
    """SIGKILL in mid-training loses steps, but not one bit of the result."""
    process = start_slowly(tmp_path)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert load_state(tmp_path / "state.safetensors")["step"] < STEPS
    train_tiny(tmp_path, resume=True)
    assert log_of(tmp_path) == log_of(uninterrupted)
    ours, theirs = (load_state(out / "state.safetensors") for out in (tmp_path, uninterrupted))
    assert ours.pop("data") == theirs.pop("data")
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_termination_signal_saves_the_step_in_hand(tmp_path: Path) -> None:
    """SIGTERM ends the training cleanly, with the state of the last step taken."""
    process = start_slowly(tmp_path)
    process.terminate()
    assert process.wait(timeout=30) == 0
    assert 14 <= load_state(tmp_path / "state.safetensors")["step"] < STEPS


def test_resume_at_the_end_takes_no_step(uninterrupted: Path) -> None:
    """A finished training that is resumed stays as it is."""
    before = log_of(uninterrupted)
    assert train_tiny(uninterrupted, resume=True) == STEPS
    assert log_of(uninterrupted) == before


def test_two_processes_give_the_result_of_one(tmp_path: Path) -> None:
    """Data-parallel training over gloo takes the same steps as one process with the whole batch."""
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", SCRIPT]
    subprocess.run([sys.executable, *command, tmp_path / "two", "10", "0"], check=True, timeout=120)
    train_tiny(tmp_path / "one", steps=10, dropout=0.0)
    two, one = (load_state(tmp_path / name / "state.safetensors") for name in ("two", "one"))
    torch.testing.assert_close(two["networks"], one["networks"])
    torch.testing.assert_close(two["ema"], one["ema"])


def test_new_training_refuses_a_used_folder(uninterrupted: Path) -> None:
    """A training is never overwritten by accident."""
    with pytest.raises(FileExistsError, match="holds a training"):
        train_tiny(uninterrupted)


def test_resume_needs_a_state(tmp_path: Path) -> None:
    """Resuming from nothing is an error, not a fresh start."""
    with pytest.raises(FileNotFoundError, match="no training state"):
        train_tiny(tmp_path, resume=True)


def test_training_shows_curves_and_sheets(uninterrupted: Path) -> None:
    """Each save draws the loss curves and a sheet of samples."""
    assert (uninterrupted / "losses.png").stat().st_size > 1000
    assert (uninterrupted / "sheets" / "00000028.png").exists()
