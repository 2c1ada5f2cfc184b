"""The ten kinds of scene: how often each is drawn, and the values its attributes may take.

Houses, cities, robots and landscapes make up half of the book.
"""

from dataclasses import dataclass

from models.picturebook.palette import COLORS

NONE = "none"
COLOR_NAMES = tuple(COLORS)
ACCENTS = ("red", "yellow", "green", "blue", "pink")
TIMES = ("day", "sunset", "night", "dawn")
OBJECTS = ("ball", "box", "star", "tree", "car", "house", "cat", "balloon")


@dataclass(frozen=True)
class Kind:
    """One kind of scene; ``weight`` is per hundred pictures, ``layouts`` counts its compositions."""

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
