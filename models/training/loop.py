"""The one training loop: steps, log, curves, sheets, and a state that survives a kill.

A training is a `TrainingTask`; the loop knows nothing of its losses or data. Each part module
(`models.training.tokenizer`, `transformer`, `gan`, `upscaler`) offers `PRESETS`, a mapping from
`cpu` and `gpu` to a frozen `TrainingConfig`, and `create_task(config) -> TrainingTask`.

Resuming is exact because nothing depends on history except the state that is saved: a batch is
a function of (seed, step, rank), and PyTorch's global generator, which dropout draws from, is
reseeded from the same three numbers before every step.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from models.training import parallel
from models.training.config import TrainingConfig
from models.training.journal import Journal
from models.training.plots import save_loss_curves, save_sheet
from models.training.progress import show_progress
from models.training.state import TrainingStateError, load_state, save_state


class TrainingTask(Protocol):
    """What is trained: networks, their optimizers, one step, and what to show of it.

    `data` is a digest of what batches are made of: resuming with another one is refused.
    """

    data: str
    networks: dict[str, nn.Module]
    ema: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]

    def batch(self, step: int, rank: int, world: int) -> Any:
        """Return this process's share of the step's batch, the same whenever it is asked."""

    def step(self, batch: Any, step: int) -> dict[str, float]:
        """Update the networks and their averages once and return the losses."""

    def sample_sheet(self, step: int) -> np.ndarray:
        """Return a picture of what the networks do now, uint8 (H, W, 3)."""

    def export(self, folder: Path) -> None:
        """Write the averaged weights as fp16 safetensors beside their config.json."""


def train(task: TrainingTask, config: TrainingConfig, out: Path, *, resume: bool = False) -> int:
    """Train until `config.steps` or a termination signal, and return the step reached.

    Raises:
        FileExistsError: `out` already holds a training and `resume` is false.
        FileNotFoundError: `resume` is true and `out` holds none.
        TrainingStateError: the saved state is damaged, or was reached with other data.
    """
    state_file = out / "state.safetensors"
    if not resume and state_file.exists():
        raise FileExistsError(f"{out} holds a training: resume it or choose another folder")
    journal = Journal(out / "log.jsonl")
    start = _restore(task, journal, state_file) if resume else 0
    parallel.broadcast_networks(task.networks | task.ema)
    with show_progress(config, start) as show, _termination_signals() as terminated:
        step = start
        while step < config.steps and not parallel.any_process(bool(terminated)):
            journal.add(_one_step(task, config, step))
            step += 1
            if step % config.log_every == 0:
                show(step, journal.flush(step))
            if step % config.save_every == 0:
                _save(task, journal, step, out)
    _save(task, journal, step, out)
    return step


def _one_step(task: TrainingTask, config: TrainingConfig, step: int) -> dict[str, float]:
    rank, world = parallel.rank(), parallel.world()
    torch.manual_seed(parallel.fold_seed(config.seed, step, rank))
    return task.step(task.batch(step, rank, world), step)


def _save(task: TrainingTask, journal: Journal, step: int, out: Path) -> None:
    if parallel.rank() == 0:
        state = _parts(task)
        saved = {kind: {n: p.state_dict() for n, p in state[kind].items()} for kind in state}
        progress = {"step": step, "unlogged": journal.unlogged, "data": task.data}
        save_state(out / "state.safetensors", saved | progress)
        save_loss_curves(journal.lines(), out / "losses.png")
        save_sheet(task.sample_sheet(step), out / "sheets" / f"{step:08d}.png")
        task.export(out / "export")
    parallel.barrier()


def _restore(task: TrainingTask, journal: Journal, state_file: Path) -> int:
    state = load_state(state_file)
    if state.get("data", task.data) != task.data:  # older states had the picture book only
        raise TrainingStateError(f"{state_file}: the pictures or captions are not those that the training began with")
    for kind, parts in _parts(task).items():
        for name, part in parts.items():
            part.load_state_dict(state[kind][name])
    journal.rewind(state["step"], state["unlogged"])
    return int(state["step"])


def _parts(task: TrainingTask) -> dict[str, dict[str, Any]]:
    return {"networks": task.networks, "ema": task.ema, "optimizers": task.optimizers}


@contextmanager
def _termination_signals() -> Iterator[list[int]]:
    """Collect SIGTERM and SIGINT so that the step in hand is finished and saved."""
    received: list[int] = []
    signals = (signal.SIGTERM, signal.SIGINT)
    previous = [signal.signal(s, lambda number, _: received.append(number)) for s in signals]
    try:
        yield received
    finally:
        for number, handler in zip(signals, previous, strict=True):
            signal.signal(number, handler)
