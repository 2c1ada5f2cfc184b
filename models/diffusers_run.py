"""One run of a diffusers pipeline, seen from its step callback: progress, previews, cancellation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from models.diffusers_capabilities import StepCallback
from models.interface import Feed, Image, Row


class NobodyWaits(Exception):
    """Every row of the batch was cancelled; ends the pipeline's run from inside its callback."""


class Run:
    """The rows of one batch and how far they are."""

    def __init__(self, pipeline: Any, rows: Sequence[Row], num_steps: int, feed: Feed, *, previews: bool) -> None:
        self._pipeline = pipeline
        self._rows = rows
        self._num_steps = num_steps
        self._feed = feed
        self._previews = previews
        self._step = 0

    def callback(self, kind: StepCallback) -> dict[str, Any]:
        """Make the argument of the pipeline's call that reports steps."""
        match kind:
            case StepCallback.ON_STEP_END:
                return {kind.value: self._on_step_end}
            case StepCallback.LEGACY:
                return {kind.value: self._on_step}
            case StepCallback.NONE:
                return {}

    def finish(self) -> None:
        """Report the last step, where the pipeline did not."""
        if self._step < self._num_steps:
            self._report(self._num_steps)

    def _on_step_end(
        self, _pipeline: Any, step: int, _timestep: Any, tensors: dict[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        self._num_steps = self._steps_of_run()
        self._on_step(step, _timestep, tensors["latents"])
        return tensors

    def _on_step(self, step: int, _timestep: Any, latents: torch.Tensor) -> None:
        """Raise NobodyWaits if all rows are cancelled; `latents` is (B, C, H/8, W/8)."""
        if all(self._feed.cancelled(row) for row in self._rows):
            raise NobodyWaits
        self._report(min(step + 1, self._num_steps))
        if self._previews and self._step < self._num_steps:
            self._show(latents)

    def _steps_of_run(self) -> int:
        """Count the steps: a second-order scheduler takes two for one, a picture to begin with saves some."""
        return getattr(self._pipeline, "num_timesteps", None) or len(self._pipeline.scheduler.timesteps)

    def _report(self, step: int) -> None:
        if step <= self._step:
            return
        self._step = step
        for row in self._rows:
            if not self._feed.cancelled(row):
                self._feed.progress(row, step, self._num_steps)

    def _show(self, latents: torch.Tensor) -> None:
        for row, latent in zip(self._rows, latents, strict=True):
            if self._feed.wants_preview(row):
                self._feed.preview(row, self._decode(latent))

    def _decode(self, latent: torch.Tensor) -> Image:
        vae = self._pipeline.vae
        scaled = latent[None].to(vae.dtype) / vae.config.scaling_factor + (vae.config.shift_factor or 0.0)
        decoded = vae.decode(scaled, return_dict=False)[0]  # (1, 3, H, W) in [-1, 1]
        return to_pixels(self._pipeline.image_processor.postprocess(decoded, output_type="np")[0])


def to_pixels(image: npt.NDArray[np.float32]) -> Image:
    """Turn (H, W, 3) in [0, 1] into bytes."""
    return (image * 255).round().astype(np.uint8)
