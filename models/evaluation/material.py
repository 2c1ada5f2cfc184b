"""What is judged: pictures for held-out captions, drawn by the model and, as floors, by the renderer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from models.evaluation.drawing import draw_prompts, in_batches, size_for
from models.evaluation.figures import MODEL, REAL, RECONSTRUCTION, UNRELATED
from models.evaluation.variations import another_scene, answering_scene
from models.interface import ImageGenerator
from models.picturebook import QUESTION_KINDS, Picture, Question, draw, picture, questions
from models.transformer.tokenizer import ImageTokenizer

Sets = dict[str, np.ndarray]
"""Pictures for the same prompts, uint8 (N, H, W, 3), by source."""

_REFERENCE = 500_000
"""Offset of the page seeds of the reference, so that no page is asked for and referred to."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """How much is drawn, and from which seed."""

    num_images: int = 1000
    num_questions: int = 100
    num_prompts: int = 16
    seeds_per_prompt: int = 8
    seed: int = 0

    def num_drawn(self) -> int:
        """Count the pictures that the model draws."""
        return self.num_images + len(QUESTION_KINDS) * self.num_questions + self.num_prompts * self.seeds_per_prompt


@dataclass(frozen=True)
class Painter:
    """The model under test, at the size that it is judged at; `drawn` is told of each batch."""

    generator: ImageGenerator
    wanted_side: int = 128
    drawn: Callable[[int], None] | None = None

    @property
    def side(self) -> int:
        """Side in pixels of the squares that the model draws.

        Raises:
            UnusableModelError: the model draws no square of that size or more.
        """
        return size_for(self.generator.capabilities, self.wanted_side)

    def paint(self, prompts: Sequence[str], seeds: Sequence[int]) -> np.ndarray:
        """Return one picture per prompt and seed, uint8 (N, H, W, 3)."""
        return draw_prompts(self.generator, prompts, seeds, self.side, drawn=self.drawn)


def heldout_pages(count: int, seed: int, offset: int = 0) -> list[Picture]:
    """Return pages of combinations that no generator was trained on."""
    first = seed * 1_000_000 + offset
    return [picture(first + index, split="heldout") for index in range(count)]


def reference_images(scope: Scope) -> np.ndarray:
    """Return drawings of other held-out pages than those asked for."""
    return _images(heldout_pages(scope.num_images, scope.seed, _REFERENCE))


def page_sets(painter: Painter, pages: Sequence[Picture], tokenizer: ImageTokenizer | None, seed: int) -> Sets:
    """Return what each source makes of the pages' captions."""
    real = _images(pages)
    sets = {MODEL: painter.paint([page.caption for page in pages], range(seed, seed + len(pages)))}
    if tokenizer is not None:
        sets[RECONSTRUCTION] = reconstructed(tokenizer, real)
    return sets | {REAL: real, UNRELATED: np.roll(real, 1, axis=0)}


def question_sets(
    painter: Painter, tokenizer: ImageTokenizer | None, scope: Scope
) -> Iterator[tuple[str, list[Question], Sets]]:
    """Yield for each kind of question what each source answers."""
    rng = np.random.default_rng(scope.seed)
    for kind in QUESTION_KINDS:
        asked = questions(kind, scope.num_questions, scope.seed)
        real = np.stack([draw(answering_scene(question, rng)) for question in asked])
        sets = {MODEL: painter.paint([question.prompt for question in asked], range(scope.num_questions))}
        if tokenizer is not None:
            sets[RECONSTRUCTION] = reconstructed(tokenizer, real)
        yield kind, asked, sets | {REAL: real, UNRELATED: np.roll(real, 1, axis=0)}


def seed_sets(painter: Painter, pages: Sequence[Picture], scope: Scope) -> Iterator[tuple[str, Sets]]:
    """Yield for each prompt what the model makes of it from several seeds, and the renderer likewise."""
    rng = np.random.default_rng(scope.seed)
    for page in pages[: scope.num_prompts]:
        seeds = range(scope.seeds_per_prompt)
        real = np.stack([draw(another_scene(page, rng)) for _ in seeds])
        yield page.caption, {MODEL: painter.paint([page.caption] * len(seeds), seeds), REAL: real}


def reconstructed(tokenizer: ImageTokenizer, images: np.ndarray) -> np.ndarray:
    """Return the images, uint8 (N, 128, 128, 3), after the tokenizer has read and redrawn them."""
    redrawn = in_batches(images, lambda x: tokenizer.tokens_to_images(tokenizer.images_to_tokens(x)), batch_size=16)
    return ((redrawn + 1) * 127.5).round().to(torch.uint8).movedim(1, -1).numpy()


def _images(pages: Sequence[Picture]) -> np.ndarray:
    return np.stack([page.image for page in pages])
