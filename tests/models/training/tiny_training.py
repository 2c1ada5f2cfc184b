"""A linear regression as a `TrainingTask`; as a script, trains it in OUT for STEPS.

Usage: tiny_training.py OUT STEPS SECONDS_PER_STEP [--resume]
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from models.training import parallel
from models.training.averaging import average_of, update_average
from models.training.config import TrainingConfig
from models.training.loop import train


class TinyTask:
    """Fits a linear layer to random targets, with dropout so that random numbers matter."""

    data = "random targets"

    def __init__(self, config: TrainingConfig, *, dropout: float = 0.5, pause: float = 0.0) -> None:
        torch.manual_seed(config.seed)
        network = nn.Sequential(nn.Linear(4, 8), nn.Dropout(dropout), nn.Linear(8, 2))
        self.networks = {"network": network}
        self.ema = {"network": average_of(network)}
        self.optimizers = {"adam": torch.optim.AdamW(network.parameters(), config.learning_rate)}
        self.config = config
        self.pause = pause

    def batch(self, step: int, rank: int, world: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = torch.Generator().manual_seed(step)
        whole = torch.randn(self.config.batch_size, 6, generator=rng)
        x, y = whole.chunk(world)[rank].split((4, 2), dim=1)
        return x, y

    def step(self, batch: tuple[torch.Tensor, torch.Tensor], step: int) -> dict[str, float]:
        time.sleep(self.pause)
        x, y = batch
        network, optimizer = self.networks["network"], self.optimizers["adam"]
        loss = (network(x) - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        norm = parallel.clip_gradients(network.parameters(), 0.1)
        optimizer.step()
        update_average(self.ema["network"], network, 0.9, step)
        return {"loss": loss.item(), "norm": norm}

    def sample_sheet(self, step: int) -> np.ndarray:
        torch.rand(step)  # a sheet may draw random numbers without changing the training
        return np.zeros((4, 4, 3), dtype=np.uint8)

    def export(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)


def tiny_config(steps: int) -> TrainingConfig:
    return TrainingConfig(steps=steps, batch_size=8, learning_rate=0.01, log_every=5, save_every=7, threads=1)


def main(out: str, steps: str, pause: str, *flags: str) -> None:
    config = tiny_config(int(steps))
    with parallel.process_group():
        task = TinyTask(config, dropout=0.0 if parallel.world() > 1 else 0.5, pause=float(pause))
        train(task, config, Path(out), resume="--resume" in flags)


if __name__ == "__main__":
    main(*sys.argv[1:])
