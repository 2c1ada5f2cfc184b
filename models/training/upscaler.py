"""Train the upscaler on the same scenes drawn at two sizes.

The smaller drawing is what a generator would have made: as drawn, blurred a little, or passed
through the image tokenizer, so that the network learns to sharpen a generator's edges too.

Shapes: N crops, C crop side in pixels of the smaller drawing.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.checkpoints import save_network
from models.picturebook import draw, sample_scene
from models.training import parallel
from models.training.averaging import average_of, update_average
from models.training.config import TrainingConfig
from models.training.plots import as_bytes, tile
from models.training.schedule import set_learning_rate, warmup_cosine
from models.transformer.tokenizer import ImageTokenizer
from models.upscaler.network import Upscaler, UpscalerConfig

BASE_SIDE = 128


@dataclass(frozen=True, kw_only=True)
class UpscalerTraining(TrainingConfig):
    """`batch_size` counts crops; `tokenizer` is a folder, or empty to train on drawings alone.

    Of the crops, `base_share` come from drawings at 128 pixels, the rest from 256 and 512.
    """

    width: int = 64
    num_blocks: int = 5
    crop: int = 48
    crops_per_scene: int = 4
    base_share: float = 0.6
    edge_weight: float = 1.0
    tokenizer: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("crop", self.crop % 2 == 0 and 0 < self.crop <= BASE_SIDE, "must be even and at most 128")
        self.require("base_share", 0 <= self.base_share <= 1, "must be between 0 and 1")
        whole = self.batch_size % self.crops_per_scene == 0
        self.require("batch_size", whole, "must be a multiple of crops_per_scene")


PRESETS = {
    "cpu": UpscalerTraining(steps=4000, batch_size=16, learning_rate=1e-3, threads=1),
    "gpu": UpscalerTraining(steps=40000, batch_size=128, learning_rate=1e-3, device="cuda", crop=64),
}


def create_task(config: UpscalerTraining) -> "UpscalerTask":
    """Return the training of an upscaler with fresh weights."""
    return UpscalerTask(config)


class UpscalerTask:
    """Absolute error of the colours and of their differences between neighbours, which keeps edges crisp."""

    def __init__(self, config: UpscalerTraining) -> None:
        self.config = config
        self.device = parallel.device(config.device)
        self.upscaler = Upscaler(UpscalerConfig(config.width, config.num_blocks)).to(self.device)
        self.average = average_of(self.upscaler)
        self.networks: dict[str, nn.Module] = {"upscaler": self.upscaler}
        self.ema: dict[str, nn.Module] = {"upscaler": self.average}
        self.optimizers: dict[str, torch.optim.Optimizer] = {"adam": torch.optim.Adam(self.upscaler.parameters())}
        self.tokenizer = ImageTokenizer.from_pretrained(config.tokenizer) if config.tokenizer else None

    def batch(self, step: int, rank: int, world: int) -> tuple[Tensor, Tensor]:
        """Return crops and the same crops at twice the size, in [-1, 1]."""
        scenes = self.config.batch_size // self.config.crops_per_scene
        shares = range(rank, scenes, world)
        pairs = [self._pair(np.random.default_rng((self.config.seed, step, index))) for index in shares]
        small, large = (torch.cat(side) for side in zip(*pairs, strict=True))
        return small.to(self.device), large.to(self.device)

    def step(self, batch: tuple[Tensor, Tensor], step: int) -> dict[str, float]:
        """Take one step of Adam."""
        config, adam, (small, large) = self.config, self.optimizers["adam"], batch
        set_learning_rate(adam, config.learning_rate * warmup_cosine(step, config.steps, 100, 0.02))
        with torch.autocast(self.device.type, torch.bfloat16):
            enlarged = self.upscaler(small.contiguous(memory_format=torch.channels_last))
        losses = {"color": _color_loss(enlarged.float(), large), "edge": _edge_loss(enlarged.float(), large)}
        adam.zero_grad()
        torch.autograd.backward(losses["color"] + config.edge_weight * losses["edge"])
        parallel.clip_gradients(self.upscaler.parameters(), 0.1)
        adam.step()
        update_average(self.average, self.upscaler, 0.995, step)
        return {name: loss.item() for name, loss in losses.items()}

    @torch.no_grad()
    def sample_sheet(self, step: int) -> np.ndarray:  # noqa: ARG002 - the protocol's
        """Show, in columns: a small crop enlarged bilinearly, by the network, and the drawing itself."""
        small, large = self.batch(-1 % 2**32, 0, 1)
        shown = [functional.interpolate(small, scale_factor=2, mode="bilinear"), self.average(small), large]
        rows = torch.stack(shown, dim=1)[:6].flatten(0, 1)  # (3N, 3, 2C, 2C)
        return tile(as_bytes(functional.interpolate(rows, scale_factor=2)), columns=6)

    def export(self, folder: Path) -> None:
        """Write the averaged network."""
        save_network(self.average, self.upscaler.config, folder)

    def _pair(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return crops (N, 3, C, C) of one scene and the same at twice the size."""
        side = BASE_SIDE if rng.random() < self.config.base_share else int(rng.choice([256, 512]))
        scene = sample_scene(rng, split="train")
        small, large = (_as_image(draw(scene, size)) for size in (side, 2 * side))
        small = self._degraded(small, rng) if side == BASE_SIDE else small
        corners = rng.integers(0, side - self.config.crop + 1, size=(self.config.crops_per_scene, 2))
        return _crops(small, corners, self.config.crop), _crops(large, 2 * corners, 2 * self.config.crop)

    @torch.no_grad()
    def _degraded(self, image: Tensor, rng: np.random.Generator) -> Tensor:
        """Return the drawing (1, 3, H, W) as it is, blurred, or as the tokenizer reconstructs it."""
        choice = rng.random()
        if choice < 0.2:
            return image
        if self.tokenizer is None or choice < 0.3:
            return _blurred(image, sigma=rng.uniform(0.3, 0.9))
        return self.tokenizer.tokens_to_images(self.tokenizer.images_to_tokens(image))


def _color_loss(images: Tensor, targets: Tensor) -> Tensor:
    return (images - targets).abs().mean()


def _edge_loss(images: Tensor, targets: Tensor) -> Tensor:
    """Return the mean absolute error of horizontal and vertical differences."""
    error = images - targets
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


def _blurred(image: Tensor, sigma: float) -> Tensor:
    """Return (1, 3, H, W) after a 5×5 Gaussian of `sigma` pixels."""
    offsets = torch.arange(-2.0, 3.0)
    weights = torch.softmax(-(offsets**2) / (2 * sigma**2), dim=0)
    kernel = torch.outer(weights, weights).expand(3, 1, 5, 5)
    return functional.conv2d(functional.pad(image, (2, 2, 2, 2), mode="replicate"), kernel, groups=3)


def _crops(image: Tensor, corners: np.ndarray, side: int) -> Tensor:
    """Return (N, 3, side, side) cut from (1, 3, H, W) at the (row, column) corners."""
    return torch.cat([image[:, :, top : top + side, left : left + side] for top, left in corners.tolist()])


def _as_image(pixels: np.ndarray) -> Tensor:
    """Return (1, 3, H, W) float32 in [-1, 1] from uint8 (H, W, 3)."""
    return torch.from_numpy(pixels).movedim(-1, 0)[None].float() / 127.5 - 1
