"""Questions for evaluation: GenEval's six kinds, asked about combinations never trained on.

Source: Ghosh et al. 2023, GenEval, https://arxiv.org/abs/2310.11513 (the six kinds; the objects and
the words are the book's own).
"""

from dataclasses import dataclass

import numpy as np

from models.picturebook.captions import word
from models.picturebook.kinds import NONE
from models.picturebook.scenes import Scene, sample_scene

# Question kind -> scene kinds it asks about, attributes that the prompt names and that are expected.
_ASKED: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {
    "single_object": (frozenset({"house", "robot", "sea", "animal", "sky", "vehicle"}), ("subject",)),
    "two_objects": (frozenset({"pair"}), ("subject", "second")),
    "counting": (frozenset({"count"}), ("subject", "count")),
    "colors": (
        frozenset({"house", "robot", "sea", "animal", "sky", "vehicle", "count"}),
        ("subject", "color"),
    ),
    "position": (frozenset({"pair"}), ("subject", "relation", "second")),
    "attribute_binding": (frozenset({"pair"}), ("subject", "color", "second", "second_color")),
}
QUESTION_KINDS = tuple(_ASKED)


@dataclass(frozen=True)
class Question:
    """A prompt, and the attribute values that a right answer must show."""

    prompt: str
    expected: dict[str, str]


def questions(kind: str, n: int, seed: int) -> list[Question]:
    """Ask ``n`` questions of one of ``QUESTION_KINDS`` about held-out combinations.

    Pairs are asked from left to right or from top to bottom, as the book's captions do.

    Raises:
        ValueError: the kind of question is unknown.
    """
    if kind not in _ASKED:
        msg = f"kind: unknown kind of question {kind!r}; choose one of {', '.join(QUESTION_KINDS)}"
        raise ValueError(msg)
    scene_kinds, asked = _ASKED[kind]
    rng = np.random.default_rng([seed, QUESTION_KINDS.index(kind)])
    return [_ask(_scene_with(rng, scene_kinds, asked), asked, rng) for _ in range(n)]


def _scene_with(rng: np.random.Generator, kinds: frozenset[str], asked: tuple[str, ...]) -> Scene:
    while True:
        scene = sample_scene(rng, split="heldout")
        if scene.kind in kinds and all(getattr(scene, name) != NONE for name in asked):
            return scene


def _ask(scene: Scene, asked: tuple[str, ...], rng: np.random.Generator) -> Question:
    named = {*asked, "count"} if scene.kind == "count" else set(asked)
    return Question(word(scene, frozenset(named), rng), {name: getattr(scene, name) for name in asked})
