"""Pages of the picture book: every one a scene that can be drawn at any size and worded in many ways."""

from dataclasses import dataclass

import numpy as np

from models.interface import Image
from models.picturebook import VOCABULARY, Scene, describe, draw, near_miss, sample_scene

HARD_EXTRAS = frozenset({"neon lights", "hat"})
_FIRST_OF_ANOTHER_PLACE = 2**41


def is_hard(scene: Scene) -> bool:
    """Tell whether the scene is of those learned last.

    Two objects with colours to keep apart, or a thing that changes the look of a whole figure and is rare in the book.
    """
    return scene.kind == "pair" or scene.extra in HARD_EXTRAS


@dataclass(frozen=True)
class BookPage:
    """A page of the picture book: its scene can be drawn at any size and worded in many ways."""

    scene: Scene

    def image(self, size: int = 128) -> Image:
        """Return the picture, uint8 RGB (size, size, 3)."""
        return draw(self.scene, size)

    def caption(self, rng: np.random.Generator) -> str:
        """Word a random part of the scene."""
        return describe(self.scene, rng)

    def near_miss(self, rng: np.random.Generator) -> str:
        """Return a caption that is wrong in one attribute."""
        return near_miss(self.scene, rng)


class BookPages:
    """Pages of the picture book, of which a share ``hard_share``, more than the book's own, show hard scenes."""

    vocabulary = VOCABULARY
    digest = "picture book"
    num_different = _FIRST_OF_ANOTHER_PLACE
    prompts: tuple[str, ...] = (
        "A two-story pink house shaped like a shoe.",
        "A futuristic cityscape with flying cars.",
        "A futuristic robot with neon lights.",
        "A serene mountain landscape with a river.",
    )

    def __init__(self, seed: int, hard_share: float = 0.0) -> None:
        self._seed = seed
        self._hard_share = hard_share

    def page(self, number: int) -> BookPage:
        """Return the page of a number: everything about it follows from the number and the seed."""
        rng = np.random.default_rng((self._seed, number))
        hard = rng.random() < self._hard_share
        scene = sample_scene(rng, split="train")
        while hard and not is_hard(scene):
            scene = sample_scene(rng, split="train")
        return BookPage(scene)

    def different(self, most: int) -> list[BookPage]:
        """Return so many pages, far from those that a training asks for."""
        return [self.page(_FIRST_OF_ANOTHER_PLACE + number) for number in range(most)]
