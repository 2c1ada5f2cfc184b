"""Train the image tokenizer: fit its codebook, then train its decoder to redraw crops of pictures.

Crops are whole tokens wide and start on token borders, so that the encoder sees what it sees in
a whole picture. Shapes: N crops, C crop side in pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.training import parallel
from models.training.averaging import average_of, update_average
from models.training.codebook import fit_codebook
from models.training.config import PictureTraining
from models.training.data import normalized
from models.training.pages import Page, Pages, open_pages
from models.training.plots import as_bytes, tile
from models.training.schedule import set_learning_rate, warmup_stable_decay
from models.transformer.tokenizer import PATCH, ImageTokenizer, TokenizerConfig

SIDE = 128
_FIRST_OF_SHEET = 2**40


@dataclass(frozen=True, kw_only=True)
class TokenizerTraining(PictureTraining):
    """``batch_size`` counts crops; ``start`` is a tokenizer whose decoder to train on, or empty.

    A fresh tokenizer's codebook is fitted to ``codebook_pictures`` pictures, or to all of the user's own if they are
    fewer.
    """

    crop: int = 64
    crops_per_picture: int = 4
    edge_weight: float = 0.5
    decay_share: float = 0.4
    codebook_pictures: int = 3000
    start: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        fits = self.crop % PATCH == 0 and 0 < self.crop <= SIDE
        self.require("crop", fits, f"must be a multiple of {PATCH} and at most {SIDE}")
        whole = self.batch_size % self.crops_per_picture == 0
        self.require("batch_size", whole, "must be a multiple of crops_per_picture")
        self.require("decay_share", 0 < self.decay_share <= 1, "must be above 0 and at most 1")


PRESETS = {
    "cpu": TokenizerTraining(steps=3000, batch_size=32, learning_rate=1e-3),
    "gpu": TokenizerTraining(steps=40000, batch_size=256, learning_rate=1e-3, device="cuda"),
}


def create_task(config: TokenizerTraining) -> "TokenizerTask":
    """Return the training of a tokenizer, fresh or going on from ``config.start``.

    Raises:
        CheckpointError: what to start from cannot be loaded.
        DataError: the pictures cannot be used, or are too few.
    """
    return TokenizerTask(config)


class TokenizerTask:
    """Absolute error of colours and of the differences between neighbours, which keeps lines crisp."""

    def __init__(self, config: TokenizerTraining) -> None:
        self.config = config
        self.device = parallel.device(config.device)
        self._pages = open_pages(config.data, config.seed, at_least=_pictures_needed(config))
        self.data = self._pages.digest
        self.tokenizer = _start(config, self._pages).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = average_of(self.tokenizer)
        self.parameters = list(self.tokenizer.decoder.requires_grad_().parameters())
        adam = torch.optim.AdamW(self.parameters, betas=(0.9, 0.99), weight_decay=1e-4)
        self.networks: dict[str, nn.Module] = {"tokenizer": self.tokenizer}
        self.ema: dict[str, nn.Module] = {"tokenizer": self.average}
        self.optimizers: dict[str, torch.optim.Optimizer] = {"adam": adam}

    def batch(self, step: int, rank: int, world: int) -> Tensor:
        """Return this process's crops (N, 3, C, C) in [-1, 1]."""
        config = self.config
        pictures = config.batch_size // config.crops_per_picture
        crops = [self._crops(step * pictures + index) for index in range(rank, pictures, world)]
        return torch.cat(crops).to(self.device, memory_format=torch.channels_last)

    def step(self, batch: Tensor, step: int) -> dict[str, float]:
        """Take one step of AdamW."""
        config, adam = self.config, self.optimizers["adam"]
        factor = warmup_stable_decay(step, config.steps, 100, config.decay_share)
        set_learning_rate(adam, config.learning_rate * factor)
        with torch.no_grad():
            quantized, _ = self.tokenizer.quantize(self.tokenizer.encode(batch))
        with torch.autocast(self.device.type, torch.bfloat16):
            redrawn = self.tokenizer.decode(quantized)
        error = redrawn.float() - batch
        edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
        colors = error.abs().mean()
        adam.zero_grad()
        (colors + config.edge_weight * edges).backward()
        parallel.clip_gradients(self.parameters, 1.0)
        adam.step()
        update_average(self.average, self.tokenizer, 0.995, step)
        psnr = -10 * torch.log10(error.detach().square().mean() / 4)
        return {"color": colors.item(), "edge": edges.item(), "psnr": psnr.item()}

    @torch.no_grad()
    def sample_sheet(self, step: int) -> np.ndarray:  # noqa: ARG002 - the protocol's
        """Show pictures above what the tokenizer makes of them."""
        images = as_images([self._pages.page(_FIRST_OF_SHEET + index) for index in range(16)]).to(self.device)
        redrawn = self.average.tokens_to_images(self.average.images_to_tokens(images))
        rows = torch.cat([images[:8], redrawn[:8], images[8:], redrawn[8:]])
        return tile(as_bytes(rows), columns=8)

    def export(self, folder: Path) -> None:
        """Write the averaged tokenizer."""
        self.average.save_pretrained(folder)

    def _crops(self, number: int) -> Tensor:
        """Return some crops (crops_per_picture, 3, C, C) of one page."""
        config, image = self.config, as_images([self._pages.page(number)])
        rng = np.random.default_rng((config.seed, number, 1))
        places = (SIDE - config.crop) // PATCH + 1
        corners = PATCH * rng.integers(0, places, size=(config.crops_per_picture, 2))
        return torch.cat([image[:, :, y : y + config.crop, x : x + config.crop] for y, x in corners])


def as_images(pages: Sequence[Page]) -> Tensor:
    """Return the pictures of pages as images (N, 3, H, W) in [-1, 1]."""
    return normalized([page.image(SIDE) for page in pages])


def _pictures_needed(config: TokenizerTraining) -> int:
    """Return how many own pictures are the least: a batch, and patches for every code of a fresh codebook."""
    for_codebook = 0 if config.start else TokenizerConfig().codebook_size * PATCH**2 // SIDE**2
    return max(config.batch_size // config.crops_per_picture, for_codebook)


def _start(config: TokenizerTraining, pages: Pages) -> ImageTokenizer:
    if config.start:
        return ImageTokenizer.from_pretrained(config.start)
    tokenizer = ImageTokenizer(TokenizerConfig())
    images = as_images(pages.different(config.codebook_pictures))
    fit_codebook(tokenizer, images, torch.Generator().manual_seed(config.seed))
    return tokenizer
