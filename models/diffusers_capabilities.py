"""What a diffusers pipeline can do, read from its call's signature and its parts.

The catalogue's `defaults` and `limits` go before what is read.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from enum import Enum
from typing import Any

import torch
from diffusers import AutoencoderKL

from models.catalog_entries import DiffusersModel
from models.diffusers_loading import PipelineError
from models.interface import Capabilities, Range

SMALLEST_SIDE = 64
NO_GUIDANCE = 1.0  # at this scale and below, pipelines skip the pass that the negative prompt would need


class StepCallback(Enum):
    """How a pipeline reports its steps."""

    ON_STEP_END = "callback_on_step_end"
    LEGACY = "callback"
    NONE = None


class Call:
    """The arguments that a pipeline's call takes."""

    def __init__(self, pipeline: Any) -> None:
        signature = inspect.signature(type(pipeline).__call__)
        self._parameters: Mapping[str, inspect.Parameter] = signature.parameters

    def takes(self, name: str) -> bool:
        """Whether there is such an argument."""
        return name in self._parameters

    def default(self, name: str) -> Any:
        """Return the argument's default, or None."""
        default = self._parameters[name].default if self.takes(name) else None
        return None if default is inspect.Parameter.empty else default

    @property
    def required(self) -> list[str]:
        """Arguments without a default."""
        ordinary = [p for p in self._parameters.values() if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
        return [p.name for p in ordinary[1:] if p.default is inspect.Parameter.empty]

    @property
    def takes_a_generator_per_image(self) -> bool:
        """Whether each image of a batch can have its own random numbers."""
        return self.takes("generator") and "list" in str(self._parameters["generator"].annotation).lower()

    @property
    def guidance_argument(self) -> str | None:
        """The argument that weighs prompt against negative prompt, where it does so by default."""
        if (self.default("true_cfg_scale") or 0) > NO_GUIDANCE:
            return "true_cfg_scale"
        return "guidance_scale" if self.takes("guidance_scale") else None

    @property
    def step_callback(self) -> StepCallback:
        """How steps are reported."""
        kinds = (StepCallback.ON_STEP_END, StepCallback.LEGACY)
        return next((kind for kind in kinds if self.takes(kind.value)), StepCallback.NONE)


def read_capabilities(pipeline: Any, entry: DiffusersModel) -> Capabilities:
    """State what can be asked of the pipeline.

    Raises:
        PipelineError: it is no text-to-image pipeline, or its images would not follow from a seed.
    """
    call = Call(pipeline)
    _check_usable(call, entry, type(pipeline).__name__)
    options = _options(pipeline, call, entry)
    multiple = size_multiple(pipeline)
    size = default_size(pipeline, entry)
    reports = call.step_callback is not StepCallback.NONE
    return Capabilities(
        sizes=() if call.takes("width") else (size,),
        size_multiple=multiple,
        min_side=-(-SMALLEST_SIDE // multiple) * multiple,
        max_side=entry.limits.side // multiple * multiple,
        default_size=size,
        max_images=entry.limits.num_images,
        max_prompt_characters=entry.limits.prompt_characters,
        max_batch_size=entry.max_batch_size if call.takes_a_generator_per_image else 1,
        negative_prompt=call.takes("negative_prompt") and "guidance_scale" in options and _uses_negative(call, entry),
        options=options,
        batch_by=("width", "height", "num_inference_steps", "guidance_scale"),
        previews=reports and decodes_plain_latents(pipeline),
        cancel=reports,
    )


def size_multiple(pipeline: Any) -> int:
    """Tell by what both sides must be divisible: pixels per latent, times latents per token of a transformer."""
    scale = int(getattr(pipeline, "vae_scale_factor", 8))
    transformer = getattr(pipeline, "transformer", None)
    if transformer is None:
        return scale
    packed = 2 if hasattr(pipeline, "_pack_latents") else 1
    patch = getattr(transformer.config, "patch_size", 1)
    return scale * max(packed, patch if isinstance(patch, int) else max(patch))


def default_size(pipeline: Any, entry: DiffusersModel) -> tuple[int, int]:
    """Tell the width and height that the network was trained for, unless the catalogue says otherwise."""
    network = getattr(pipeline, "unet", None) or getattr(pipeline, "transformer", None)
    latents: Any = getattr(network.config, "sample_size", None) if network is not None else None
    latents = latents or getattr(pipeline, "default_sample_size", 64)
    height, width = (latents, latents) if isinstance(latents, int) else latents
    scale = int(getattr(pipeline, "vae_scale_factor", 8))
    return entry.defaults.width or width * scale, entry.defaults.height or height * scale


def decodes_plain_latents(pipeline: Any) -> bool:
    """Whether its latents between steps can go through the decoder as they are."""
    if not isinstance(getattr(pipeline, "vae", None), AutoencoderKL) or hasattr(pipeline, "_pack_latents"):
        return False
    overflows = pipeline.vae.config.force_upcast and pipeline.vae.dtype == torch.float16
    return not overflows and pipeline.vae.config.latents_mean is None


def _check_usable(call: Call, entry: DiffusersModel, name: str) -> None:
    missing = [argument for argument in call.required if argument != "prompt"]
    if not call.takes("prompt") or missing:
        wants = f"; its call wants {', '.join(missing)}" if missing else ""
        raise PipelineError(f"{entry.id}: {name} is no text-to-image pipeline{wants}")
    if not call.takes("generator"):
        raise PipelineError(f"{entry.id}: {name} takes no generator, so a seed would mean nothing")


def _options(pipeline: Any, call: Call, entry: DiffusersModel) -> dict[str, Range]:
    options = {}
    steps = entry.defaults.num_inference_steps or call.default("num_inference_steps")
    if call.takes("num_inference_steps") and steps:
        options["num_inference_steps"] = Range(minimum=1, maximum=entry.limits.num_inference_steps, default=steps)
    guidance = default_guidance(call, entry)
    if guidance is not None and _is_guided(pipeline):
        options["guidance_scale"] = Range(minimum=0, maximum=entry.limits.guidance_scale, default=guidance)
    return options


def default_guidance(call: Call, entry: DiffusersModel) -> float | None:
    """Tell the guidance scale of a request that names none; None where the pipeline has no such scale."""
    if call.guidance_argument is None:
        return None
    if entry.defaults.guidance_scale is not None:
        return entry.defaults.guidance_scale
    default = call.default(call.guidance_argument)
    return None if default is None else float(default)


def _is_guided(pipeline: Any) -> bool:
    """Whether the scale has an effect: FLUX.1 [schnell] takes one and ignores it."""
    transformer = getattr(pipeline, "transformer", None)
    return transformer is None or getattr(transformer.config, "guidance_embeds", True) is not False


def _uses_negative(call: Call, entry: DiffusersModel) -> bool:
    """Whether the negative prompt has an effect at the default guidance scale."""
    separate = call.takes("true_cfg_scale") and call.guidance_argument != "true_cfg_scale"
    return not separate and (default_guidance(call, entry) or 0) > NO_GUIDANCE
