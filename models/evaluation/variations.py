"""Scenes that a caption or a question would also accept: what the renderer itself would answer."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from models.picturebook import KINDS, Picture, Question, Scene, sample_scene

# Other attributes depend on these: they are found by sampling, the rest is replaced.
_STRUCTURAL = frozenset({"subject", "setting", "extra"})


def another_scene(page: Picture, rng: np.random.Generator) -> Scene:
    """Return a scene that the page's caption is true of, random in what the caption leaves open."""
    told = {name: value for name, value in page.scene.attributes().items() if name in page.named}
    return _scene_with(page.scene.kind, told, rng)


def answering_scene(question: Question, rng: np.random.Generator) -> Scene:
    """Return a scene that is a right answer to the question."""
    return _scene_with(_kind_of(question.expected), question.expected, rng)


def _kind_of(expected: Mapping[str, str]) -> str:
    if "second" in expected:
        return "pair"
    for name, kind in KINDS.items():
        if name not in ("pair", "count") and expected["subject"] in kind.choices["subject"] and "count" not in expected:
            return name
    return "count"


def _scene_with(kind: str, told: Mapping[str, str], rng: np.random.Generator) -> Scene:
    found = {name: value for name, value in told.items() if name in _STRUCTURAL}
    while True:
        scene = sample_scene(rng, split="train")
        has = scene.attributes()
        if scene.kind == kind and found.items() <= has.items() and told.keys() <= has.keys():
            changed = replace(scene, **told)
            if changed.second != changed.subject:
                return changed
