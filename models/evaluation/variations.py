"""Scenes that a caption or a question would also accept: what the renderer itself would answer."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from models.picturebook import KINDS, Picture, Question, Scene, sample_scene

NONE = "none"
_TOYS = ("pair", "count")


def another_scene(page: Picture, rng: np.random.Generator) -> Scene:
    """Return a scene that the page's caption is true of, random in what the caption leaves open."""
    kind = KINDS[page.scene.kind]
    choices = {name: _values(page.scene, name) for name in kind.choices if name not in page.named}
    chosen = {name: values[rng.integers(len(values))] for name, values in choices.items()}
    return replace(page.scene, **chosen, layout=int(rng.integers(kind.layouts)), mirrored=bool(rng.integers(2)))


def answering_scene(question: Question, rng: np.random.Generator) -> Scene:
    """Return a scene that is a right answer to the question."""
    kind = _kind_of(question.expected)
    expected: dict[str, Any] = dict(question.expected)
    while True:
        scene = sample_scene(rng, split="train")
        if scene.kind == kind and (kind in _TOYS or scene.subject == expected["subject"]):
            return replace(scene, **expected)


def _values(scene: Scene, name: str) -> tuple[str, ...]:
    """List the values that an attribute may take while everything else stays: alone if it depends on others."""
    values, own = KINDS[scene.kind].choices[name], getattr(scene, name)
    if own not in values or own == "space":
        return (own,)
    if name == "setting":
        return tuple(value for value in values if value != "space")
    if name == "extra" and "accent" in KINDS[scene.kind].choices:
        return (NONE,) if own == NONE else tuple(value for value in values if value != NONE)
    return values


def _kind_of(expected: Mapping[str, str]) -> str:
    if "second" in expected:
        return "pair"
    if "count" in expected:
        return "count"
    subject = expected["subject"]
    kinds = [name for name, kind in KINDS.items() if subject in kind.choices["subject"]]
    return min(kinds, key=lambda name: name in _TOYS)
