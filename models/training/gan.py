"""Train the GAN to compose latents of a frozen image tokenizer.

The first `warm_up_steps` are not adversarial: a posterior network guesses the noise behind each
drawn picture and the generator learns to redraw it from caption and noise (a conditional
variational autoencoder, Sohn et al. 2015), while the dual encoder learns which captions fit which
pictures. Then the dual encoder is frozen, and the generator also faces the discriminator, half
of the batch with noise from the posterior, half with fresh noise.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from models.training import parallel
from models.training.averaging import update_average
from models.training.captioned_compositions import Captioned, CaptionedCompositions
from models.training.gan_config import PRESETS, GanTraining
from models.training.gan_game import GanGame
from models.training.gan_networks import GanNetworks
from models.training.pages import Pages, open_pages
from models.training.plots import as_bytes, tile

__all__ = ["PRESETS", "GanTask", "GanTraining", "create_task"]

_SHEET_COLUMNS = 8


def create_task(config: GanTraining) -> "GanTask":
    """Return the training of a GAN, fresh or going on from an export.

    Raises:
        CheckpointError: the tokenizer, or what to start from, cannot be loaded.
        DataError: the pictures or captions cannot be used, or are too few.
    """
    return GanTask(config)


class GanTask:
    """Pages in, one update of the game each step, sheets and an export out."""

    def __init__(self, config: GanTraining) -> None:
        self.config = config
        self.device = parallel.device(config.device)
        pages = _open_pages(config)
        self.data, self._prompts = pages.digest, pages.prompts
        self._parts = parts = GanNetworks(config, pages.vocabulary)
        self.networks: dict[str, nn.Module] = {"generator": parts.generator, **parts.critics}
        self.ema: dict[str, nn.Module] = {"generator": parts.average}
        for network in (parts.tokenizer, parts.average, *self.networks.values()):
            network.to(self.device)
        self._game = GanGame(config, parts)
        self.optimizers = self._game.optimizers
        compositions = parts.generator.compositions
        self._pages = CaptionedCompositions(pages, config.pages, parts.tokenizer, compositions, parts.words)

    def batch(self, step: int, rank: int, world: int) -> Captioned:
        """Return this process's pages."""
        if not self._parts.generator.compositions.fitted:
            self._pages.fit(self.config.fitting_pages)
        seeds = [(self.config.seed, step, index) for index in range(rank, self.config.batch_size, world)]
        return self._pages.batch(seeds, self.config.word_dropout)

    def step(self, batch: Captioned, step: int) -> dict[str, float]:
        """Warm up without an opponent, then play against the discriminator."""
        self._game.set_rates(step)
        if step >= self.config.warm_up_steps:
            losses = self._game.play(batch, step)
        else:
            losses = self._game.redraw(batch, step)
            if step % 2 == 0:  # the dual encoder is the faster learner
                losses |= self._game.match(batch)
        update_average(self._parts.average, self._parts.generator, self.config.average_decay, step)
        return {name: loss.item() for name, loss in losses.items()}

    @torch.no_grad()
    def sample_sheet(self, step: int) -> np.ndarray:  # noqa: ARG002 - the protocol's
        """Show pictures of four prompts, a row each."""
        parts, rng = self._parts, torch.Generator().manual_seed(0)
        z = torch.randn(_SHEET_COLUMNS, self.config.z_size, generator=rng).to(self.device)
        rows = []
        for prompt in self._prompts:
            text = parts.average.text_encoder(torch.tensor([parts.words.encode(prompt)], device=self.device))
            rows.append(parts.tokenizer.decode(parts.average.draw(text.expand(len(z), -1), z)))
        return tile(as_bytes(torch.cat(rows)), _SHEET_COLUMNS)

    def export(self, folder: Path) -> None:
        """Write everything that drawing needs, and the critics."""
        self._parts.save(folder)


def _open_pages(config: GanTraining) -> Pages:
    fitted = 0 if config.start_from else config.num_compositions + 1
    return open_pages(
        config.data,
        config.seed,
        at_least=max(config.batch_size, fitted),
        max_words=config.text_length,
        hard_share=config.hard_share,
    )
