"""Draws one small picture with a model that was just loaded, so that a worker announces only what works."""

from __future__ import annotations

from collections.abc import Sequence

from models.interface import Capabilities, ContentRefused, GenerationRequest, Image, ImageGenerator, Row

PROMPT = "a red house"
NUM_STEPS = 2  # the second takes what the first has left behind


class ModelCannotDraw(Exception):
    """A model was loaded but gives no picture."""


def warm_up(model: str, generator: ImageGenerator) -> None:
    """Draw the cheapest picture that the model offers; it is dropped.

    Raises:
        ModelCannotDraw: the model failed, or said that it was done without a picture.
    """
    feed = _OnePicture()
    try:
        generator.generate([Row(_smallest_request(generator.capabilities))], feed)
    except ContentRefused:
        return  # the safety checker looked at a picture
    except Exception as error:
        raise ModelCannotDraw(f"model {model} cannot draw: {type(error).__name__}: {error}") from error
    if feed.image is None:
        raise ModelCannotDraw(f"model {model} cannot draw: its warm-up ended without a picture")


def _smallest_request(able: Capabilities) -> GenerationRequest:
    width, height = min(able.sizes, key=lambda size: size[0] * size[1], default=(able.min_side, able.min_side))
    steps = able.options.get("num_inference_steps")
    return GenerationRequest(
        prompt=PROMPT,
        width=width,
        height=height,
        seed=0,
        num_inference_steps=int(max(steps.minimum, min(NUM_STEPS, steps.maximum))) if steps else None,
    )


class _OnePicture:
    """A feed that waits for one picture and wants nothing else."""

    image: Image | None = None

    def progress(self, row: Row, step: int, num_steps: int) -> None:
        """Nobody follows."""

    def wants_preview(self, row: Row) -> bool:
        """Nobody looks."""
        del row
        return False

    def preview(self, row: Row, image: Image) -> None:
        """Nobody looks."""

    def cancelled(self, row: Row) -> bool:
        """The picture is wanted."""
        del row
        return False

    def admit(self, room: int) -> Sequence[Row]:
        """No other row waits."""
        del room
        return ()

    def warn(self, row: Row, message: str) -> None:
        """Nobody reads it."""

    def done(self, row: Row, image: Image) -> None:
        """Take the picture."""
        del row
        self.image = image
