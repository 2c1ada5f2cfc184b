"""Train the judge of attributes on the picture book, faults and ruins included.

It sees all of the book, held-out combinations too: it has to recognise what generators are asked for.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.evaluation.judge import Judge, JudgeConfig
from models.picturebook import ATTRIBUTES, Scene, draw, sample_scene
from models.training import parallel
from models.training.averaging import average_of, update_average
from models.training.book_pages import BookPages
from models.training.config import TrainingConfig
from models.training.degradation import FAULTS, RUINED, ruined, with_fault
from models.training.plots import tile
from models.training.schedule import set_learning_rate, warmup_cosine

UNRECOGNISABLE = "unrecognisable"
IGNORED = -100
ANSWERS = ATTRIBUTES | {
    "subject": (*ATTRIBUTES["subject"], UNRECOGNISABLE),
    "condition": (*FAULTS, RUINED),
}


@dataclass(frozen=True, kw_only=True)
class JudgeTraining(TrainingConfig):
    """Shares of the pictures that are held-out combinations, and that are ruined."""

    heldout_share: float = 0.25
    ruined_share: float = 0.1


PRESETS = {
    "cpu": JudgeTraining(steps=2000, batch_size=32, learning_rate=1.5e-3, threads=1),
    "gpu": JudgeTraining(steps=8000, batch_size=128, learning_rate=1.5e-3, device="cuda"),
}


def create_task(config: JudgeTraining) -> "JudgeTask":
    """Return the training of a judge with fresh weights."""
    return JudgeTask(config)


class JudgeTask:
    """Cross-entropy of every answer; of a ruined picture only its subject and condition count."""

    data = BookPages.digest

    def __init__(self, config: JudgeTraining) -> None:
        self.config = config
        self.device = parallel.device(config.device)
        self.judge = Judge(JudgeConfig(ANSWERS)).to(self.device)
        self.networks: dict[str, nn.Module] = {"judge": self.judge}
        self.average = average_of(self.judge)
        self.ema: dict[str, nn.Module] = {"judge": self.average}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "adamw": torch.optim.AdamW(self.judge.parameters(), config.learning_rate, weight_decay=0.02)
        }

    def batch(self, step: int, rank: int, world: int) -> tuple[Tensor, Tensor]:
        """Return images and the numbers of the right answers (B, attributes)."""
        rng = np.random.default_rng((self.config.seed, step, rank))
        scenes = [self._scene(rng) for _ in range(self.config.batch_size // world)]
        pictures = [draw(scene) for scene in scenes]
        pairs = zip(scenes, pictures, [pictures[-1], *pictures], strict=False)
        examples = [self._example(scene, image, other, rng) for scene, image, other in pairs]
        pixels = torch.from_numpy(np.stack([image for image, _ in examples]))
        images = pixels.to(self.device).movedim(-1, 1).float() / 127.5 - 1
        return images, torch.tensor([answers for _, answers in examples], device=self.device)

    def step(self, batch: tuple[Tensor, Tensor], step: int) -> dict[str, float]:
        """Take one step of AdamW."""
        config, optimizer, (images, answers) = self.config, self.optimizers["adamw"], batch
        set_learning_rate(optimizer, config.learning_rate * warmup_cosine(step, config.steps, 100, 0.01))
        with torch.autocast(self.device.type, torch.bfloat16):
            logits = self.judge(images)
        pairs = list(zip(logits.values(), answers.unbind(1), strict=True))
        errors = [functional.cross_entropy(each.float(), right, ignore_index=IGNORED) for each, right in pairs]
        loss = torch.stack(errors).sum()
        optimizer.zero_grad()
        loss.backward()
        parallel.clip_gradients(self.judge.parameters(), 1.0)
        optimizer.step()
        update_average(self.average, self.judge, 0.995, step)
        return {"loss": loss.item(), "accuracy": _accuracy(pairs)}

    @torch.no_grad()
    def sample_sheet(self, step: int) -> np.ndarray:
        """Show what the judge learns from: drawings with their faults."""
        images, _ = self.batch(step, 0, 1)
        return tile(((images[:32] + 1) * 127.5).round().byte().movedim(1, -1).cpu().numpy(), columns=8)

    def export(self, folder: Path) -> None:
        """Write the averaged network."""
        self.average.save_pretrained(folder)

    def _scene(self, rng: np.random.Generator) -> Scene:
        return sample_scene(rng, split="heldout" if rng.random() < self.config.heldout_share else "train")

    def _example(
        self, scene: Scene, image: np.ndarray, other: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, list[int]]:
        if rng.random() < self.config.ruined_share:
            return ruined(image, other, rng), _numbers({"subject": UNRECOGNISABLE, "condition": RUINED})
        fault = FAULTS[rng.integers(len(FAULTS))]
        right = {name: getattr(scene, name) for name in ATTRIBUTES} | {"condition": fault}
        return with_fault(image, fault, rng), _numbers(right)


def _numbers(right: dict[str, str]) -> list[int]:
    return [values.index(right[name]) if name in right else IGNORED for name, values in ANSWERS.items()]


def _accuracy(pairs: list[tuple[Tensor, Tensor]]) -> float:
    """Return the share of answers that are right, over those that count."""
    right = [(logits.argmax(1) == answers)[answers != IGNORED] for logits, answers in pairs]
    return torch.cat(right).float().mean().item()
