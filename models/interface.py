"""What an image generator is asked for and how it answers: the one seam between queue and tensors.

A worker flattens its batch into rows (one row, one image) and calls `ImageGenerator.generate(rows, feed)`.
The generator answers through the feed: progress, previews, finished images. It asks the feed which rows
were cancelled and, when it can admit rows between steps, whether there are new ones. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Image: TypeAlias = npt.NDArray[np.uint8]  # (H, W, 3), RGB, sRGB
Mask: TypeAlias = npt.NDArray[np.bool_]  # (H, W), True where the picture is to be drawn anew
Task: TypeAlias = Literal["text_to_image", "image_to_image", "inpainting"]
MAX_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """What to draw: complete, validated and frozen at the edge; every option that is None is the model's own.

    `seed` is always decided before the request is made, so that the same request gives the same images.
    `image` and `mask` are the storage keys of an input picture, of the size that is drawn, and of what is to be drawn
    anew of it; `strength` says how far the result may depart from it, up to 1: not a trace of it is left.
    """

    prompt: str
    width: int
    height: int
    seed: int
    num_images: int = 1
    negative_prompt: str | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    truncation_psi: float | None = None
    image: str | None = None
    mask: str | None = None
    strength: float | None = None

    @property
    def task(self) -> Task:
        """What kind of drawing this is."""
        if self.image is None:
            return "text_to_image"
        return "image_to_image" if self.mask is None else "inpainting"


@dataclass(frozen=True, slots=True, eq=False)
class InputImage:
    """The picture to begin with, of the request's size, and what is to be drawn anew: None is all of it."""

    pixels: Image
    mask: Mask | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One image to draw: the `index`-th of `request.num_images`, for the job `job_id`.

    `source` is there if `request.image` is, fetched by whoever made the row.
    """

    request: GenerationRequest
    index: int = 0
    job_id: str = ""
    source: InputImage | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Inclusive bounds and the default of a numeric option."""

    minimum: float
    maximum: float
    default: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a model can do, stated so exactly that a request can be refused without loading the model.

    A size is allowed if it is in `sizes`; with `sizes` empty, if both sides are multiples of `size_multiple`
    between `min_side` and `max_side` pixels. `options` maps each numeric option that the model honours
    to its bounds; an option that is absent is refused. Rows may share a batch when their requests
    agree in all fields named by `batch_by`. `strength` bounds the option of that name, which goes with an input image.
    """

    sizes: tuple[tuple[int, int], ...] = ()
    size_multiple: int = 8
    min_side: int = 64
    max_side: int = 2048
    default_size: tuple[int, int] = (128, 128)
    max_images: int = 10
    max_prompt_characters: int = 4000
    max_prompt_words: int | None = None  # as models.text counts them
    max_batch_size: int = 8
    negative_prompt: bool = False
    image_to_image: bool = False  # draws an input image anew, after a prompt
    variations: bool = False  # draws an input image anew without a prompt
    inpainting: bool = False  # draws the masked part of an input image
    strength: Range | None = None
    options: dict[str, Range]
    batch_by: tuple[str, ...] = ()
    previews: bool = False
    cancel: bool = False
    admits: bool = False


class Feed(Protocol):
    """The generator's line to its caller, open while `generate` runs; every call is cheap and never raises."""

    def progress(self, row: Row, step: int, num_steps: int) -> None:
        """Report that `step` of `num_steps` is done for the row (1-based)."""

    def wants_preview(self, row: Row) -> bool:
        """Tell whether somebody looks at unfinished pictures of the row now."""
        ...

    def preview(self, row: Row, image: Image) -> None:
        """Hand over the unfinished picture."""

    def cancelled(self, row: Row) -> bool:
        """Tell whether the row is no longer wanted; asked between steps."""
        ...

    def admit(self, room: int) -> Sequence[Row]:
        """Give at most `room` new rows that may join the running batch, or none."""
        ...

    def warn(self, row: Row, message: str) -> None:
        """Attach a note for the user to the job, such as words that the model does not know."""

    def done(self, row: Row, image: Image) -> None:
        """Hand over the finished image, as soon as it exists; once for each row that was not cancelled."""


class ContentRefused(Exception):
    """The model's own safety checker will not show this picture."""


class ImageGenerator(Protocol):
    """A loaded model: draws rows, each depending on its own request only, whatever its batch-mates."""

    @property
    def capabilities(self) -> Capabilities:
        """What this model can do."""
        ...

    @property
    def revision(self) -> str:
        """A short string that changes when the same seed may give another image (weights or method)."""
        ...

    @property
    def description(self) -> dict[str, str]:
        """How it runs, for logs and operators: `device`, `dtype`, parameters."""
        ...

    def generate(self, rows: Sequence[Row], feed: Feed) -> None:
        """Draw at most `capabilities.max_batch_size` rows that agree in `batch_by`.

        Each row ends in `feed.done`, or is dropped because `feed.cancelled` said so.

        Raises:
            ContentRefused: as it says; drawn alone, the row's job ends with it.
            Exception: whatever went wrong; rows not yet done are then drawn again in smaller batches.
        """
