"""Decides whether a model can serve a request: the body and the model's capabilities make a job, or an exact error.

Pure: the only place where a request is checked against a model, and where its batch and its cost are decided.
"""

from __future__ import annotations

import json
from typing import Any

from app.api.schemas import JobSubmission
from app.errors import BudgetExceeded, InvalidRequest, UnsupportedOption, UnsupportedSize
from app.input_admission import InputShape, check_proportions, check_task, size_of_input, strength
from app.messages import JobMessage
from models.interface import Capabilities, GenerationRequest
from models.text import count_words

OPTIONS = ("num_inference_steps", "guidance_scale", "temperature", "top_k", "top_p", "truncation_psi")
_WHOLE_NUMBERS = {"num_inference_steps", "top_k"}


def admit(
    wanted: JobSubmission,
    *,
    tenant: str,
    model: str,
    capabilities: Capabilities,
    drawn_seed: int,
    shape: InputShape | None = None,
) -> JobMessage:
    """Make the job that the model will draw, complete: what was not asked for is the model's default.

    Args:
        wanted: The validated body.
        tenant: Whose job it will be.
        model: The model's id; aliases are resolved by now.
        capabilities: What the model announced.
        drawn_seed: Taken when the body names no seed.
        shape: The input image's, where there is one; its keys are not part of the message yet.

    Raises:
        InvalidRequest: the model cannot honour the request; `param` names the field of the body.
    """
    _check_prompt("prompt", wanted.prompt, capabilities)
    check_task(wanted.prompt, shape, capabilities)
    width, height = _size(wanted, shape, capabilities)
    request = GenerationRequest(
        prompt=wanted.prompt,
        negative_prompt=_negative_prompt(wanted, capabilities),
        width=width,
        height=height,
        num_images=_num_images(wanted, capabilities),
        seed=drawn_seed if wanted.seed is None else wanted.seed,
        strength=strength(wanted, shape, capabilities),
        **{name: _option(name, getattr(wanted, name), capabilities) for name in OPTIONS},
    )
    return JobMessage(
        model=model,
        tenant=tenant,
        request=request,
        output_format=wanted.output_format or "png",
        output_compression=_output_compression(wanted),
    )


def batch_key(message: JobMessage, capabilities: Capabilities) -> str:
    """Name what a job must agree in with its batch-mates, beside the model: the same text means compatible."""
    return json.dumps([getattr(message.request, name) for name in capabilities.batch_by], separators=(",", ":"))


def cost(request: GenerationRequest) -> float:
    """Weigh a job for fair sharing: images times pixels times steps."""
    return float(request.num_images * request.width * request.height * (request.num_inference_steps or 1))


def check_budget(request: GenerationRequest, max_pixel_steps: int) -> None:
    """Bound the whole work of a job, whose parts may each be within their own bounds.

    Raises:
        BudgetExceeded: width times height times images times steps is more than `max_pixel_steps`.
    """
    if cost(request) <= max_pixel_steps:
        return
    steps = request.num_inference_steps or 1
    raise BudgetExceeded(
        f"{request.num_images} images of {request.width}x{request.height} in {steps} steps are {cost(request):.0f} "
        f"pixel steps; max_pixel_steps is {max_pixel_steps}",
        param="max_pixel_steps",
    )


def _check_prompt(param: str, prompt: str, capabilities: Capabilities) -> None:
    limit = capabilities.max_prompt_characters
    if len(prompt) > limit:
        raise InvalidRequest(f"{param} has {len(prompt)} characters; this model takes at most {limit}", param=param)
    words = capabilities.max_prompt_words
    if words is not None and count_words(prompt) > words:
        raise InvalidRequest(f"{param} has {count_words(prompt)} words; this model takes at most {words}", param=param)


def _negative_prompt(wanted: JobSubmission, capabilities: Capabilities) -> str | None:
    if wanted.negative_prompt is None:
        return None
    if not capabilities.negative_prompt:
        raise UnsupportedOption("this model takes no negative_prompt", param="negative_prompt")
    _check_prompt("negative_prompt", wanted.negative_prompt, capabilities)
    return wanted.negative_prompt


def _num_images(wanted: JobSubmission, capabilities: Capabilities) -> int:
    num_images = wanted.num_images or 1
    if num_images > capabilities.max_images:
        raise InvalidRequest(f"this model draws at most {capabilities.max_images} images a job", param="num_images")
    return num_images


def _option(name: str, value: float | None, capabilities: Capabilities) -> Any:
    """Check a numeric option against the model's bounds; unset becomes the model's default."""
    bounds = capabilities.options.get(name)
    if bounds is None:
        if value is not None:
            honoured = ", ".join(capabilities.options) or "no numeric option"
            raise UnsupportedOption(f"this model does not honour {name}; it honours {honoured}", param=name)
        return None
    if value is None:
        value = bounds.default
    elif not bounds.minimum <= value <= bounds.maximum:
        raise InvalidRequest(f"{name} must be between {bounds.minimum:g} and {bounds.maximum:g}", param=name)
    return int(value) if name in _WHOLE_NUMBERS else float(value)


def _size(wanted: JobSubmission, shape: InputShape | None, capabilities: Capabilities) -> tuple[int, int]:
    """Find width and height in pixels, such that an input image fits.

    Raises:
        InvalidRequest: the image does not fit.
        UnsupportedSize: the model cannot draw it.
    """
    width, height = _named_size(wanted, capabilities) or (
        size_of_input(shape, capabilities) if shape else capabilities.default_size
    )
    if shape:
        check_proportions(shape, width, height)
    return width, height


def _named_size(wanted: JobSubmission, capabilities: Capabilities) -> tuple[int, int] | None:
    """Find the width and height that the body names, if it names any.

    Raises:
        InvalidRequest: given twice, or only half of it.
        UnsupportedSize: the model cannot draw it.
    """
    sides = {"width": wanted.width, "height": wanted.height}
    given = [name for name, side in sides.items() if side is not None]
    if wanted.size is not None and given:
        raise InvalidRequest("give either size, or width and height", param="size")
    if len(given) == 1:
        missing = "height" if given == ["width"] else "width"
        raise InvalidRequest(f"{given[0]} is given, so {missing} is needed too", param=missing)
    if wanted.size is not None:
        width, height = map(int, wanted.size.split("x"))
        _check_size(width, height, capabilities, params=("size", "size"))
        return width, height
    if wanted.width is None or wanted.height is None:
        return None
    _check_size(wanted.width, wanted.height, capabilities, params=("width", "height"))
    return wanted.width, wanted.height


def _check_size(width: int, height: int, capabilities: Capabilities, *, params: tuple[str, str]) -> None:
    if capabilities.sizes:
        if (width, height) not in capabilities.sizes:
            sizes = ", ".join(f"{w}x{h}" for w, h in capabilities.sizes)
            fits = any(width == allowed for allowed, _ in capabilities.sizes)
            raise UnsupportedSize(f"this model draws {sizes}, not {width}x{height}", param=params[fits])
        return
    low, high, multiple = capabilities.min_side, capabilities.max_side, capabilities.size_multiple
    for side, param in zip((width, height), params, strict=True):
        if not low <= side <= high or side % multiple:
            raise UnsupportedSize(
                f"this model draws sides from {low} to {high} pixels in multiples of {multiple}, not {side}",
                param=param,
            )


def _output_compression(wanted: JobSubmission) -> int:
    if wanted.output_compression is None:
        return 100
    if wanted.output_format not in {"jpeg", "webp"}:
        raise InvalidRequest("output_compression needs output_format jpeg or webp", param="output_compression")
    return wanted.output_compression
