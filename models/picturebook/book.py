"""One integer, one page: scene, picture and caption all follow from the seed."""

from dataclasses import dataclass

import numpy as np

from models.picturebook.captions import caption
from models.picturebook.scenes import Scene, Split, sample_scene


@dataclass(frozen=True, eq=False)
class Picture:
    """A captioned picture: uint8 RGB (size, size, 3), and which attributes the caption names."""

    image: np.ndarray
    caption: str
    named: frozenset[str]
    scene: Scene


def draw(scene: Scene, size: int = 128) -> np.ndarray:
    """Draw a scene as uint8 RGB, (size, size, 3): the same composition at every size."""
    from models.picturebook.drawing import paint  # noqa: PLC0415 - only drawing needs skia

    return paint(scene, size)


def picture(seed: int, *, size: int = 128, split: Split = "train") -> Picture:
    """Make page ``seed`` of the book; everything about it follows from the seed and the split."""
    rng = np.random.default_rng([seed, int(split == "heldout")])
    scene = sample_scene(rng, split=split)
    told = caption(scene, rng)
    return Picture(draw(scene, size), told.text, told.named, scene)
