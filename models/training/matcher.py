"""Train the matcher on pages of the picture book, beside captions that just miss.

In a batch every caption is wrong for every other picture; most of those are too easy, so each
picture also gets a caption of its own that is wrong in one attribute.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.evaluation.judge import Judge
from models.evaluation.matcher import Matcher, MatcherConfig
from models.picturebook import VOCABULARY, describe, draw, near_miss, sample_scene
from models.training import parallel
from models.training.averaging import average_of, update_average
from models.training.book_pages import BookPages
from models.training.config import TrainingConfig
from models.training.degradation import FAULTS, with_fault
from models.training.plots import tile
from models.training.schedule import set_learning_rate, warmup_cosine


@dataclass(frozen=True, kw_only=True)
class MatcherTraining(TrainingConfig):
    """`heldout_share` of the pictures are held-out combinations: it must know what it is asked about.

    `judge` is a folder whose trunk the image side starts from, or empty to start afresh.
    """

    heldout_share: float = 0.25
    judge: str = ""


class Pages(NamedTuple):
    """Images (B, 3, 128, 128) in [-1, 1] with the words (B, T) of right and of wrong captions."""

    images: Tensor
    captions: Tensor
    near_misses: Tensor


PRESETS = {
    "cpu": MatcherTraining(steps=800, batch_size=32, learning_rate=1.5e-3, threads=1, save_every=100),
    "gpu": MatcherTraining(steps=10000, batch_size=256, learning_rate=1.5e-3, device="cuda"),
}


def create_task(config: MatcherTraining) -> "MatcherTask":
    """Return the training of a matcher with fresh weights."""
    return MatcherTask(config)


class MatcherTask:
    """Cross-entropy of finding the caption of a picture and the picture of a caption."""

    data = BookPages.digest

    def __init__(self, config: MatcherTraining) -> None:
        self.config = config
        self.device = parallel.device(config.device)
        self.matcher = _matcher(config.judge).to(self.device)
        self.networks: dict[str, nn.Module] = {"matcher": self.matcher}
        self.average = average_of(self.matcher)
        self.ema: dict[str, nn.Module] = {"matcher": self.average}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "adamw": torch.optim.AdamW(self.matcher.parameters(), config.learning_rate, weight_decay=0.02)
        }

    def batch(self, step: int, rank: int, world: int) -> Pages:
        """Draw and caption pages, rightly and wrongly."""
        rng = np.random.default_rng((self.config.seed, step, rank))
        shares = rng.random(self.config.batch_size // world) < self.config.heldout_share
        scenes = [sample_scene(rng, split="heldout" if heldout else "train") for heldout in shares]
        drawn = [with_fault(draw(scene), FAULTS[rng.integers(len(FAULTS))], rng) for scene in scenes]
        images = torch.from_numpy(np.stack(drawn)).to(self.device).movedim(-1, 1).float() / 127.5 - 1
        right, wrong = ([word(scene, rng) for scene in scenes] for word in (describe, near_miss))
        return Pages(images, self.matcher.tokens(right), self.matcher.tokens(wrong))

    def step(self, batch: Pages, step: int) -> dict[str, float]:
        """Take one step of AdamW."""
        config, optimizer = self.config, self.optimizers["adamw"]
        set_learning_rate(optimizer, config.learning_rate * warmup_cosine(step, config.steps, 100, 0.01))
        with torch.autocast(self.device.type, torch.bfloat16):
            images = self.matcher.embed_images(batch.images).float()
        captions, wrong = self.matcher.embed_tokens(batch.captions), self.matcher.embed_tokens(batch.near_misses)
        scale, own = self.matcher.log_scale.exp().clamp(max=100), torch.arange(len(images), device=self.device)
        among_captions = scale * torch.cat([images @ captions.T, (images * wrong).sum(1, keepdim=True)], dim=1)
        loss = functional.cross_entropy(among_captions, own)
        loss = loss + functional.cross_entropy(scale * captions @ images.T, own)
        optimizer.zero_grad()
        loss.backward()
        parallel.clip_gradients(self.matcher.parameters(), 1.0)
        optimizer.step()
        update_average(self.average, self.matcher, 0.995, step)
        found = (among_captions.argmax(1) == own).float().mean()
        return {"loss": loss.item(), "found": found.item()}

    @torch.no_grad()
    def sample_sheet(self, step: int) -> np.ndarray:
        """Show what the matcher learns from."""
        images = self.batch(step, 0, 1).images[:32]
        return tile(((images + 1) * 127.5).round().byte().movedim(1, -1).cpu().numpy(), columns=8)

    def export(self, folder: Path) -> None:
        """Write the averaged network."""
        self.average.save_pretrained(folder)


def _matcher(judge: str) -> Matcher:
    matcher = Matcher(MatcherConfig(VOCABULARY))
    if judge:
        matcher.trunk.load_state_dict(Judge.from_pretrained(judge).trunk.state_dict())
    return matcher
