"""The sibling pipelines that draw after a picture, made of the same parts as the one for text-to-image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import diffusers
from PIL import Image as PillowImage

from models.diffusers_capabilities import Call
from models.interface import Range, Row, Task

STRENGTH = Range(minimum=0.05, maximum=1, default=0.6)
_SIBLINGS: Mapping[Task, str] = {"image_to_image": "Img2ImgPipeline", "inpainting": "InpaintPipeline"}
_PICTURES: Mapping[Task, set[str]] = {"image_to_image": {"image"}, "inpainting": {"image", "mask_image"}}


def pipelines_by_task(pipeline: Any) -> dict[Task, Any]:
    """Return the pipeline and those of its siblings that can be used as it is: by prompt, strength and seed."""
    found: dict[Task, Any] = {"text_to_image": pipeline}
    for task, sibling in _SIBLINGS.items():
        # By its name: diffusers' automatic classes import all pipelines that there are.
        kind = getattr(diffusers, type(pipeline).__name__.replace("Pipeline", sibling), None)
        try:
            made = kind.from_pipe(pipeline, dtype=pipeline.dtype) if kind else None
        except ValueError:  # it needs parts that are not here
            made = None
        if made is None:
            continue
        if _is_usable(Call(made), _PICTURES[task]):
            made.set_progress_bar_config(disable=True)
            found[task] = made
    return found


def picture_arguments(rows: Sequence[Row], num_steps: int) -> dict[str, Any]:
    """Return what the call is told of the rows' pictures; they agree in strength.

    Of the steps, a share of the strength's size is taken, but at least one.
    """
    strength, sources = rows[0].request.strength, [row.source for row in rows if row.source is not None]
    strength = STRENGTH.default if strength is None else strength
    masks = [source.mask for source in sources if source.mask is not None]
    return {
        "image": [PillowImage.fromarray(source.pixels) for source in sources],
        "mask_image": [PillowImage.fromarray(mask) for mask in masks],
        "strength": strength,
        "num_inference_steps": num_steps if int(num_steps * strength) else int(1 / strength) + 1,
    }


def _is_usable(call: Call, pictures: set[str]) -> bool:
    needed = {"prompt", "strength", "generator", *pictures}
    return (
        all(call.takes(name) for name in needed) and set(call.required) <= needed and call.takes_a_generator_per_image
    )
