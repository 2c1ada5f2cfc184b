"""What a training shows of itself: loss curves and sheets of samples, as PNG files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor


def save_loss_curves(lines: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw one panel per loss over the steps; without lines, draw nothing."""
    names = list(dict.fromkeys(name for line in lines for name in line if name != "step"))
    if not names:
        return
    # A Figure of its own, because pyplot keeps every figure of the process alive.
    figure = Figure(figsize=(8, 2.2 * len(names)), layout="constrained")
    for axes, name in zip(figure.subplots(len(names), squeeze=False)[:, 0], names, strict=True):
        points = [(line["step"], line[name]) for line in lines if name in line]
        axes.plot(*zip(*points, strict=True), linewidth=1)
        axes.set(ylabel=name, xlabel="step")
        axes.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def save_sheet(sheet: np.ndarray, path: Path) -> None:
    """Write a uint8 (H, W, 3) array as a PNG file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(path)


def tile(images: np.ndarray, columns: int, gap: int = 4) -> np.ndarray:
    """Lay out uint8 (N, H, W, 3) images row by row on white, as one (H', W', 3) picture."""
    count, height, width, _ = images.shape
    rows = -(-count // columns)
    size = (rows * (height + gap) + gap, columns * (width + gap) + gap, 3)
    sheet = np.full(size, 255, dtype=np.uint8)
    for index, image in enumerate(images):
        top = gap + (index // columns) * (height + gap)
        left = gap + (index % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def as_bytes(images: Tensor) -> np.ndarray:
    """Return uint8 (N, H, W, 3) from images (N, 3, H, W) in [-1, 1]."""
    return ((images.float().clamp(-1, 1) + 1) * 127.5).round().byte().movedim(1, -1).cpu().numpy()
