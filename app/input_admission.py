"""Decides what may be asked of a model with an input image: which task, which size, which strength.

Pure, as `admission` is, which calls it.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.api.schemas import JobSubmission
from app.errors import InvalidRequest, UnsupportedOption
from models.interface import Capabilities

_MOST_DISTORTION = 0.01  # of an input image's proportions; more than the rounding of sides is a mistake


@dataclass(frozen=True, slots=True)
class InputShape:
    """What is checked of an input image: its sides in pixels, and whether only a part of it is to be drawn anew."""

    width: int
    height: int
    masked: bool


def check_task(prompt: str, shape: InputShape | None, capabilities: Capabilities) -> None:
    """Refuse what the model cannot do with this prompt and this input image.

    Raises:
        InvalidRequest: there is neither a prompt nor an image.
        UnsupportedOption: the model takes no image, no mask, or no image without a prompt.
    """
    has_prompt = bool(prompt.strip())
    if shape is None:
        if not has_prompt:
            raise InvalidRequest("prompt: must not be empty", param="prompt")
    elif shape.masked and not capabilities.inpainting:
        raise UnsupportedOption("this model cannot draw a part of an image; it takes no mask", param="mask")
    elif not shape.masked and not (capabilities.image_to_image if has_prompt else capabilities.variations):
        without = "" if has_prompt or not capabilities.image_to_image else " without a prompt"
        raise UnsupportedOption(f"this model takes no image{without}", param="image")


def size_of_input(shape: InputShape, capabilities: Capabilities) -> tuple[int, int]:
    """Choose width and height where none are named: the input image's own, or else the model's default."""
    own = (shape.width, shape.height)
    if capabilities.sizes:
        return own if own in capabilities.sizes else capabilities.default_size
    low, high, multiple = capabilities.min_side, capabilities.max_side, capabilities.size_multiple
    fits = all(low <= side <= high and side % multiple == 0 for side in own)
    return own if fits else capabilities.default_size


def check_proportions(shape: InputShape, width: int, height: int) -> None:
    """Refuse to squeeze an input image.

    Raises:
        InvalidRequest: its proportions are not those of what is drawn.
    """
    if abs(shape.width * height / (shape.height * width) - 1) > _MOST_DISTORTION:
        detail = (
            f"image is {shape.width}x{shape.height}, which does not fit into {width}x{height}: crop it, or name a size"
        )
        raise InvalidRequest(detail, param="image")


def strength(wanted: JobSubmission, shape: InputShape | None, capabilities: Capabilities) -> float | None:
    """Decide how far the result may depart from the input image; a masked part departs fully by default.

    Raises:
        UnsupportedOption: there is no image, or the model has no such option.
        InvalidRequest: the strength is out of the model's bounds.
    """
    bounds = capabilities.strength
    if shape is None or bounds is None:
        if wanted.strength is not None:
            reason = "strength needs an image" if shape is None else "this model does not honour strength"
            raise UnsupportedOption(reason, param="strength")
        return None
    if wanted.strength is None:
        return bounds.maximum if shape.masked else bounds.default
    if not bounds.minimum <= wanted.strength <= bounds.maximum:
        raise InvalidRequest(f"strength must be between {bounds.minimum:g} and {bounds.maximum:g}", param="strength")
    return wanted.strength
