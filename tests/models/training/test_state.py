"""Training states: whole or refused, and nothing in them is a pickle."""

from pathlib import Path

import pytest
import torch

from models.training.state import TrainingStateError, load_state, save_state

STATE = {
    "step": 3,
    "weights": {"a": torch.arange(6).reshape(2, 3), "b": torch.ones(2, dtype=torch.bfloat16)},
    "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "groups": [{"lr": 0.1, "on": True}]},
    "name": None,
}


def test_state_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    """Nested dicts, integer keys, lists, numbers and tensors of any type survive."""
    save_state(tmp_path / "state", STATE)
    torch.testing.assert_close(load_state(tmp_path / "state"), STATE, rtol=0, atol=0)


def test_tensors_that_share_memory_are_saved(tmp_path: Path) -> None:
    """Tied weights are stored twice rather than refused."""
    tied = torch.ones(3)
    save_state(tmp_path / "state", {"one": tied, "two": tied})
    assert torch.equal(load_state(tmp_path / "state")["two"], tied)


def test_state_before_the_last_is_kept(tmp_path: Path) -> None:
    """The replaced state stays beside the new one."""
    for step in (1, 2, 3):
        save_state(tmp_path / "state", {"step": step, "x": torch.zeros(1)})
    assert load_state(tmp_path / "state")["step"] == 3
    assert load_state(tmp_path / "state.previous")["step"] == 2


def test_half_written_file_does_not_disturb(tmp_path: Path) -> None:
    """What a kill left unfinished is neither read nor in the way."""
    save_state(tmp_path / "state", {"step": 1, "x": torch.zeros(1)})
    (tmp_path / "state.unfinished").write_bytes(b"half")
    assert load_state(tmp_path / "state")["step"] == 1
    save_state(tmp_path / "state", {"step": 2, "x": torch.zeros(1)})
    assert load_state(tmp_path / "state")["step"] == 2


def test_damaged_state_is_refused(tmp_path: Path) -> None:
    """A truncated file is an error that names the state before it."""
    save_state(tmp_path / "state", STATE)
    whole = (tmp_path / "state").read_bytes()
    (tmp_path / "state").write_bytes(whole[:-5])
    with pytest.raises(TrainingStateError, match=r"state\.previous"):
        load_state(tmp_path / "state")
