"""Any text-to-image pipeline of Hugging Face diffusers as an image generator.

Each image has random numbers of its own, drawn on the CPU, so that its seed gives it in any batch and on any device,
up to the rounding of kernels that depend on the batch's size. One pipeline runs one batch at a time: its scheduler
keeps the state of the run, and begins anew with the next.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any, Self

import diffusers
import torch

from models.catalog_entries import DiffusersModel
from models.diffusers_capabilities import NO_GUIDANCE, Call, default_guidance, read_capabilities
from models.diffusers_run import NobodyWaits, Run, to_pixels
from models.diffusers_sharing import SharedPipeline, shared_pipeline
from models.diffusers_tasks import STRENGTH, picture_arguments, pipelines_by_task
from models.interface import Capabilities, ContentRefused, Feed, GenerationRequest, Row, Task
from models.seeding import image_rng

# Where a pipeline would otherwise change the request: sizes rounded to a list, captions rewritten.
AS_ASKED = {"use_resolution_binning": False, "clean_caption": False}


class DiffusersGenerator:
    """A loaded pipeline; its capabilities are read once, from the pipeline itself."""

    def __init__(self, shared: SharedPipeline, entry: DiffusersModel) -> None:
        """Add the entry's adapters to a pipeline that others may draw with, too.

        Raises:
            PipelineError: the pipeline is not for text-to-image, or an adapter is not for it.
        """
        pipeline = shared.pipeline
        self._shared = shared
        self._adapters = shared.load_adapters(entry)
        self._pipelines = pipelines_by_task(pipeline)
        self.capabilities = _with_pictures(read_capabilities(pipeline, entry), self._pipelines)
        dtype = str(pipeline.dtype).removeprefix("torch.")
        self.revision = f"{shared.revision_with(self._adapters)}-diffusers{diffusers.__version__}-{dtype}"
        self.description = {"device": str(pipeline.device), "dtype": dtype, "parameters": str(_parameters(pipeline))}
        if entry.adapters:
            self.description["adapters"] = ", ".join(f"{worn.scale} of {worn.source}" for worn in entry.adapters)
        self._pipeline = pipeline
        self._call = Call(pipeline)
        self._calls = {task: Call(made) for task, made in self._pipelines.items()}
        self._guidance = default_guidance(self._call, entry)

    @classmethod
    def from_entry(cls, entry: DiffusersModel, *, device: torch.device, dtype: torch.dtype) -> Self:
        """Load the pipeline that the entry names.

        Raises:
            PipelineError: it or an adapter cannot be loaded; the message says what to do.
        """
        return cls(shared_pipeline(entry, device=device, dtype=dtype), entry)

    def generate(self, rows: Sequence[Row], feed: Feed) -> None:
        """Draw the rows in one run of the pipeline.

        Raises:
            ContentRefused: the safety checker flagged a picture; the others were handed over.
        """
        for row in rows:
            self._warn(row, feed)
        task = rows[0].request.task
        pipeline, call = self._pipelines[task], self._calls[task]
        run = Run(pipeline, rows, self._num_steps(rows), feed, previews=self.capabilities.previews)
        try:
            with self._shared.drawing_with(self._adapters):
                output = pipeline(**self._arguments(rows, call), **run.callback(call.step_callback))
        except NobodyWaits:
            return
        run.finish()
        _deliver(rows, output, feed)

    def _arguments(self, rows: Sequence[Row], call: Call) -> dict[str, Any]:
        """Say the batch in the words of the pipeline's call; its rows agree in all but prompts and seeds."""
        request = rows[0].request
        generators = [image_rng(row.request.seed, row.index) for row in rows]
        arguments: dict[str, Any] = {
            "prompt": [row.request.prompt for row in rows],
            "negative_prompt": [row.request.negative_prompt or "" for row in rows],
            "width": request.width,
            "height": request.height,
            "generator": generators if self._call.takes_a_generator_per_image else generators[0],
            "num_inference_steps": self._num_steps(rows),
            "output_type": "np",
            **AS_ASKED,
        }
        if request.task != "text_to_image":
            arguments |= picture_arguments(rows, self._num_steps(rows))
        if not self.capabilities.negative_prompt:
            del arguments["negative_prompt"]
        if "num_inference_steps" not in self.capabilities.options:
            del arguments["num_inference_steps"]
        if self._call.guidance_argument and self._guidance_scale(request) is not None:
            arguments[self._call.guidance_argument] = self._guidance_scale(request)
        return {name: value for name, value in arguments.items() if call.takes(name)}

    def _num_steps(self, rows: Sequence[Row]) -> int:
        option = self.capabilities.options.get("num_inference_steps")
        return rows[0].request.num_inference_steps or (int(option.default) if option else 1)

    def _guidance_scale(self, request: GenerationRequest) -> float | None:
        return self._guidance if request.guidance_scale is None else request.guidance_scale

    def _warn(self, row: Row, feed: Feed) -> None:
        """Tell of words that the pipeline will not read."""
        if row.request.negative_prompt and (self._guidance_scale(row.request) or 0) <= NO_GUIDANCE:
            feed.warn(row, f"negative_prompt has no effect at a guidance_scale of {NO_GUIDANCE} or less")
        room, needed = self._tokens(row.request.prompt)
        if needed > room:
            feed.warn(row, f"the model reads {room} tokens of a prompt; this one has {needed}")

    def _tokens(self, prompt: str) -> tuple[int, int]:
        """Count the tokens that the most patient text encoder reads, and those that the prompt has for it."""
        names = ("tokenizer", "tokenizer_2", "tokenizer_3")
        tokenizers = [found for name in names if (found := getattr(self._pipeline, name, None)) is not None]
        if not tokenizers:
            return 0, 0
        tokenizer = max(tokenizers, key=lambda tokenizer: int(tokenizer.model_max_length))
        room = min(self._call.default("max_sequence_length") or tokenizer.model_max_length, tokenizer.model_max_length)
        return room, len(tokenizer(prompt, verbose=False).input_ids)


def _with_pictures(able: Capabilities, tasks: Collection[Task]) -> Capabilities:
    """Add what the pipeline's siblings can do."""
    image_to_image, inpainting = "image_to_image" in tasks, "inpainting" in tasks
    return dataclasses.replace(
        able,
        image_to_image=image_to_image,
        variations=image_to_image,
        inpainting=inpainting,
        strength=STRENGTH if image_to_image or inpainting else None,
        batch_by=(*able.batch_by, "task", "strength"),
    )


def _deliver(rows: Sequence[Row], output: Any, feed: Feed) -> None:
    """Hand over the finished images; never the black ones that a safety checker puts in their place."""
    flags = getattr(output, "nsfw_content_detected", None) or [False] * len(rows)
    wanted = [result for result in zip(rows, output.images, flags, strict=True) if not feed.cancelled(result[0])]
    for row, image, is_flagged in wanted:
        if not is_flagged:
            feed.done(row, to_pixels(image))
    if any(is_flagged for _, _, is_flagged in wanted):
        raise ContentRefused


def _parameters(pipeline: Any) -> int:
    networks = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]
    return sum(parameter.numel() for network in networks for parameter in network.parameters())
