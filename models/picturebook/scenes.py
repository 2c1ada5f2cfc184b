"""What a picture of the book shows: every attribute is known, and drawn by chance."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np

from models.picturebook.kinds import KINDS, NONE
from models.picturebook.split import held_out

Split = Literal["train", "heldout"]


@dataclass(frozen=True)
class Scene:
    """Everything that a picture shows; ``none`` where an attribute does not apply.

    In a pair, ``subject`` is the left or the upper object: "right of" and "below" tell the same
    picture from its other end. ``layout`` and ``mirrored`` choose among few fixed compositions and
    are never named.
    """

    kind: str
    subject: str
    color: str = NONE
    shape: str = NONE
    storeys: str = NONE
    style: str = NONE
    time: str = NONE
    setting: str = NONE
    extra: str = NONE
    accent: str = NONE
    size: str = NONE
    count: str = NONE
    relation: str = NONE
    second: str = NONE
    second_color: str = NONE
    layout: int = 0
    mirrored: bool = False

    def attributes(self) -> dict[str, str]:
        """Return the attributes that apply to this scene, by name."""
        values = {name: getattr(self, name) for name in ATTRIBUTES}
        return {name: value for name, value in values.items() if value != NONE}

    def having(self, name: str, value: str) -> "Scene":
        """Return this scene with one attribute changed."""
        change: dict[str, Any] = {name: value}
        return replace(self, **change)

    def is_held_out(self) -> bool:
        """Tell whether this combination of main attributes is kept out of training."""
        return held_out(tuple(getattr(self, name) for name in MAIN_ATTRIBUTES))


MAIN_ATTRIBUTES = (
    "kind", "subject", "color", "shape", "storeys", "style",
    "extra", "accent", "count", "relation", "second", "second_color",
)  # fmt: skip


def _values(name: str) -> Iterator[str]:
    """Yield every value of an attribute over all kinds, ``none`` last."""
    for kind in KINDS.values():
        yield from (value for value in kind.choices.get(name, ()) if value != NONE)
    if name == "setting":
        yield "underwater"
    if name != "subject":
        yield NONE


_NOT_ATTRIBUTES = ("kind", "layout", "mirrored")
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    field.name: tuple(dict.fromkeys(_values(field.name)))
    for field in fields(Scene)
    if field.name not in _NOT_ATTRIBUTES
}


def _consistent(scene: Scene) -> Scene:
    """Take away what cannot be seen: an accent without its thing, the hour in space, a dry fish."""
    if scene.extra == NONE and scene.accent != NONE:
        scene = replace(scene, accent=NONE)
    if scene.setting == "space":
        scene = replace(scene, time=NONE)
    if scene.subject == "fish":
        scene = replace(scene, setting="underwater", extra=NONE, accent=NONE)
    if scene.subject == "island":
        scene = replace(scene, color=NONE)
    return scene


def _any_scene(rng: np.random.Generator) -> Scene:
    weights = np.array([kind.weight for kind in KINDS.values()])
    name = str(rng.choice(list(KINDS), p=weights / weights.sum()))
    kind = KINDS[name]
    chosen = {key: values[rng.integers(len(values))] for key, values in kind.choices.items()}
    layout, mirrored = int(rng.integers(kind.layouts)), bool(rng.integers(2))
    return _consistent(Scene(name, **chosen, layout=layout, mirrored=mirrored))


def sample_scene(rng: np.random.Generator, *, split: Split) -> Scene:
    """Draw a scene at random from the combinations that belong to ``split``."""
    while True:
        scene = _any_scene(rng)
        if scene.is_held_out() == (split == "heldout") and _distinct(scene):
            return scene


def _distinct(scene: Scene) -> bool:
    """Refuse pairs of two equal things: those are counts."""
    return scene.kind != "pair" or scene.subject != scene.second
