"""Train the upscaler on the same pictures at two sizes.

The smaller drawing is what a generator would have made: as drawn, or passed through the image
tokenizer, so that the filters sharpen a generator's edges too. The first `shape_steps` find the
shapes of patches (k-means), all later ones add to the least squares that the filters answer to.

Shapes: N images, M patches, P pixels of a patch.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.checkpoints import save_network
from models.training import parallel
from models.training.config import PictureTraining
from models.training.data import normalized
from models.training.filter_fit import FilterFit
from models.training.pages import open_pages
from models.training.plots import as_bytes, tile
from models.transformer.tokenizer import ImageTokenizer
from models.upscaler.network import Upscaler, UpscalerConfig

BASE_SIDE = 128
_FIRST_OF_SHEET = 2**40


@dataclass(frozen=True, kw_only=True)
class UpscalerTraining(PictureTraining):
    """`tokenizer` is a folder, or empty to train on drawings alone; least squares has no learning rate.

    Of the smaller drawings, `base_share` have 128 pixels, of which `tokenizer_share` pass through
    the tokenizer; the others have 256 pixels. Filters are solved for every `solve_every` steps.
    """

    learning_rate: float = 1.0
    num_shapes: int = 1024
    patch: int = 7
    shape_steps: int = 40
    solve_every: int = 20
    base_share: float = 0.75
    tokenizer_share: float = 0.6
    tokenizer: str = "models/weights/easel-tokenizer"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("patch", self.patch % 2 == 1, "must be odd")
        for name in ("num_shapes", "shape_steps", "solve_every"):
            self.require(name, getattr(self, name) > 0, "must be positive")
        for name in ("base_share", "tokenizer_share"):
            self.require(name, 0 <= getattr(self, name) <= 1, "must be between 0 and 1")


PRESETS = {
    "cpu": UpscalerTraining(steps=200, batch_size=4, threads=1, log_every=10, save_every=50),
    "gpu": UpscalerTraining(steps=4000, batch_size=32, device="cuda", num_shapes=4096, patch=9, shape_steps=200),
}


def create_task(config: UpscalerTraining) -> "UpscalerTask":
    """Return the training of a fresh upscaler.

    Raises:
        CheckpointError: the tokenizer cannot be loaded.
        DataError: the pictures cannot be used, or are too few.
    """
    return UpscalerTask(config)


class UpscalerTask:
    """First shapes, then filters; neither needs a gradient."""

    def __init__(self, config: UpscalerTraining) -> None:
        self.config = config
        self.device = parallel.device(config.device)
        largest = 2 * BASE_SIDE if config.base_share == 1 else 4 * BASE_SIDE
        self._pages = open_pages(config.data, config.seed, at_least=config.batch_size, side=largest)
        self.data = self._pages.digest
        self.upscaler = Upscaler(UpscalerConfig(config.patch, config.num_shapes)).to(self.device)
        self.fit = FilterFit(config.num_shapes, config.patch**2).to(self.device)
        self.networks: dict[str, nn.Module] = {"upscaler": self.upscaler, "fit": self.fit}
        self.ema: dict[str, nn.Module] = {}
        self.optimizers: dict[str, torch.optim.Optimizer] = {}
        folder = config.tokenizer
        self.tokenizer = ImageTokenizer.from_pretrained(folder).to(self.device) if folder else None

    def batch(self, step: int, rank: int, world: int) -> list[tuple[Tensor, Tensor]]:
        """Return drawings (1, 3, H, W) beside the same at twice the size."""
        size = self.config.batch_size
        return [self._pair(number) for number in range(step * size + rank, (step + 1) * size, world)]

    @torch.no_grad()
    def step(self, batch: list[tuple[Tensor, Tensor]], step: int) -> dict[str, float]:
        """Improve the shapes, or note what the filters should have answered; report the error before."""
        errors = [_error(self.upscaler(small), large) for small, large in batch]
        pieces = [self._patches_and_answers(small, large) for small, large in batch]
        patches, answers = (torch.cat(part) for part in zip(*pieces, strict=True))
        if step == 0:
            self.fit.place_shapes(self.upscaler, patches)
        if step < self.config.shape_steps:
            self.fit.move_shapes(self.upscaler, patches)
        else:
            self.fit.add(self.upscaler, patches, answers)
            if step % self.config.solve_every == 0:
                self.fit.solve(self.upscaler)
        return {"error": sum(errors) / len(errors)}

    @torch.no_grad()
    def sample_sheet(self, step: int) -> np.ndarray:  # noqa: ARG002 - the protocol's
        """Show, in columns: a drawing enlarged bilinearly, by the filters, and drawn at that size."""
        self.fit.solve(self.upscaler)
        drawn = [self._pair(_FIRST_OF_SHEET + index) for index in range(8)]
        pairs = [pair for pair in drawn if pair[0].shape[-1] == BASE_SIDE]
        shown = [image for small, large in pairs for image in (_bilinear(small), self.upscaler(small), large)]
        return tile(as_bytes(torch.cat(shown)), columns=3)

    def export(self, folder: Path) -> None:
        """Write the upscaler with the best filters so far."""
        self.fit.solve(self.upscaler)
        save_network(self.upscaler, self.upscaler.config, folder)

    def _pair(self, number: int) -> tuple[Tensor, Tensor]:
        """Return the picture of a page (1, 3, H, W), and the same at twice the size."""
        rng = np.random.default_rng((self.config.seed, number, 1))
        side = BASE_SIDE if rng.random() < self.config.base_share else 2 * BASE_SIDE
        page = self._pages.page(number)
        small, large = (normalized([page.image(size)]).to(self.device) for size in (side, 2 * side))
        if self.tokenizer is not None and side == BASE_SIDE and rng.random() < self.config.tokenizer_share:
            small = self.tokenizer.tokens_to_images(self.tokenizer.images_to_tokens(small))
        return small, large

    def _patches_and_answers(self, small: Tensor, large: Tensor) -> tuple[Tensor, Tensor]:
        """Return patches (M, 3, P) at edges, and the new pixels (M, 3, 4), both relative to the old pixel."""
        where = self.upscaler.edges(small)
        answers = functional.pixel_unshuffle(large, 2).unflatten(1, (3, 4)).permute(0, 3, 4, 1, 2)[where]
        return self.upscaler.patches(small, where), answers - small.movedim(1, -1)[where][:, :, None]


def _bilinear(images: Tensor) -> Tensor:
    return functional.interpolate(images, scale_factor=2, mode="bilinear")


def _error(images: Tensor, targets: Tensor) -> float:
    """Return the root mean squared error of images in [-1, 1]."""
    return float((images - targets).square().mean().sqrt())
