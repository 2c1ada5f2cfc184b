"""What a picture of the book can show: every attribute, the values each kind allows, and chance."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Literal

import numpy as np

from models.picturebook.palette import COLORS
from models.picturebook.split import held_out

Split = Literal["train", "heldout"]

NONE = "none"
COLOR_NAMES = tuple(COLORS)
ACCENTS = ("red", "yellow", "green", "blue", "pink")
TIMES = ("day", "sunset", "night", "dawn")
OBJECTS = ("ball", "box", "star", "tree", "car", "house", "cat", "balloon")


@dataclass(frozen=True)
class Kind:
    """One kind of scene: how often it is drawn, and the values its attributes may take."""

    weight: float
    choices: dict[str, tuple[str, ...]]
    layouts: int = 4


KINDS: dict[str, Kind] = {
    "house": Kind(
        14,
        {
            "subject": ("house",),
            "color": COLOR_NAMES,
            "shape": ("plain", "shoe", "teapot", "mushroom", "pumpkin", "castle", "egg", "hat"),
            "storeys": ("one", "two", "three"),
            "time": TIMES,
            "setting": ("meadow", "beach", "snow"),
        },
    ),
    "city": Kind(
        13,
        {
            "subject": ("city",),
            "style": ("futuristic", "modern", "old"),
            "time": TIMES,
            "extra": ("flying cars", "saucers", "airships", "birds", NONE),
        },
        layouts=6,
    ),
    "robot": Kind(
        13,
        {
            "subject": ("robot",),
            "color": COLOR_NAMES,
            "style": ("futuristic", "old", NONE),
            "time": TIMES,
            "setting": ("city", "meadow", "room", "space"),
            "extra": ("neon lights", "flower", "balloon", "umbrella", NONE),
            "accent": ACCENTS,
        },
    ),
    "landscape": Kind(
        13,
        {
            "subject": ("mountains", "hills", "desert", "forest"),
            "style": ("serene", NONE),
            "time": TIMES,
            "extra": ("river", "lake", "road", "boat", NONE),
        },
    ),
    "sea": Kind(
        7,
        {
            "subject": ("sailboat", "ship", "whale", "lighthouse", "island"),
            "color": COLOR_NAMES,
            "style": ("serene", NONE),
            "time": TIMES,
        },
    ),
    "animal": Kind(
        9,
        {
            "subject": ("cat", "dog", "rabbit", "bird", "fish"),
            "color": COLOR_NAMES,
            "size": ("small", "large"),
            "time": TIMES,
            "setting": ("meadow", "beach", "snow"),
            "extra": ("balloon", "hat", NONE),
            "accent": ACCENTS,
        },
    ),
    "sky": Kind(
        7,
        {
            "subject": ("rocket", "plane", "kite", "hot-air balloon", "saucer"),
            "color": COLOR_NAMES,
            "size": ("small", "large"),
            "time": TIMES,
            "setting": ("meadow", "sea", "mountains", "city"),
        },
    ),
    "vehicle": Kind(
        7,
        {
            "subject": ("car", "bus", "truck", "flying car"),
            "color": COLOR_NAMES,
            "size": ("small", "large"),
            "time": TIMES,
            "setting": ("meadow", "beach", "snow", "city"),
        },
    ),
    "pair": Kind(
        10,
        {
            "subject": OBJECTS,
            "color": COLOR_NAMES,
            "relation": ("left of", "above"),
            "second": OBJECTS,
            "second_color": COLOR_NAMES,
        },
        layouts=1,
    ),
    "count": Kind(
        7,
        {
            "subject": OBJECTS,
            "color": COLOR_NAMES,
            "count": ("one", "two", "three", "four"),
        },
        layouts=1,
    ),
}


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
    layout: int = field(default=0, metadata={"attribute": False})
    mirrored: bool = field(default=False, metadata={"attribute": False})

    def attributes(self) -> dict[str, str]:
        """Return the attributes that apply to this scene, by name."""
        values = {name: getattr(self, name) for name in ATTRIBUTES}
        return {name: value for name, value in values.items() if value != NONE}

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


def _attribute_names() -> tuple[str, ...]:
    return tuple(f.name for f in fields(Scene) if f.name != "kind" and f.metadata.get("attribute", True))


ATTRIBUTES: dict[str, tuple[str, ...]] = {
    name: tuple(dict.fromkeys(_values(name))) for name in _attribute_names()
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
