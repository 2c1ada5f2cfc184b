"""Natural English for a scene: what is named, how it is worded, and how it is worded wrongly."""

from dataclasses import dataclass

import numpy as np

from models.picturebook import wording
from models.picturebook.kinds import KINDS, NONE
from models.picturebook.scenes import Scene

_NAMED_OFTEN = frozenset({"color", "shape", "count", "extra", "relation", "second", "style"})
_RELATIONS = ("left of", "right of", "above", "below")
_NEEDS = {"accent": "extra", "second_color": "second"}


@dataclass(frozen=True)
class Caption:
    """A caption, and the attributes that it names."""

    text: str
    named: frozenset[str]


def caption(scene: Scene, rng: np.random.Generator) -> Caption:
    """Word a random part of the scene; the subject is always named."""
    named = _choose_named(scene, rng)
    return Caption(word(scene, named, rng), named)


def describe(scene: Scene, rng: np.random.Generator) -> str:
    """Return a caption that is true of the scene."""
    return caption(scene, rng).text


def near_miss(scene: Scene, rng: np.random.Generator) -> str:
    """Return a caption that is wrong in exactly one attribute that it names."""
    return wrong_caption(scene, rng)[0]


def wrong_caption(scene: Scene, rng: np.random.Generator) -> tuple[str, str]:
    """Return a caption that is wrong in exactly one attribute, and that attribute."""
    named = _choose_named(scene, rng)
    wrong = {name: values for name in sorted(named) if (values := _other_values(scene, name))}
    if not wrong:
        named = frozenset(scene.attributes())
        wrong = {name: values for name in sorted(named) if (values := _other_values(scene, name))}
    name = list(wrong)[rng.integers(len(wrong))]
    value = wrong[name][rng.integers(len(wrong[name]))]
    return word(scene.having(name, value), named, rng), name


def word(scene: Scene, named: frozenset[str], rng: np.random.Generator) -> str:
    """Word the named attributes of a scene as one sentence."""
    told = {name: value for name, value in scene.attributes().items() if name in named}
    return wording.sentence(scene.kind, told, rng)


def _choose_named(scene: Scene, rng: np.random.Generator) -> frozenset[str]:
    """Choose what a caption names: often what the picture is about, sometimes where and when."""
    named = {"subject"}
    for name in scene.attributes():
        if rng.random() < (0.8 if name in _NAMED_OFTEN else 0.4):
            named.add(name)
    if scene.kind in ("pair", "count"):
        named |= {"second", "count"} & scene.attributes().keys()
    return frozenset(name for name in named if _NEEDS.get(name, "subject") in named)


def _other_values(scene: Scene, name: str) -> list[str]:
    """List the values that would make the caption wrong, and still a thing that can be asked for."""
    values = _RELATIONS if name == "relation" else KINDS[scene.kind].choices.get(name, ())
    others = [value for value in values if value not in (NONE, getattr(scene, name))]
    if scene.kind == "pair" and name in ("subject", "second"):
        others = [value for value in others if value not in (scene.subject, scene.second)]
    if scene.subject == "fish" and name == "setting":
        return []
    return others
