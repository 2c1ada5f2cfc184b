"""How captions word each attribute value; a value without an entry is its own word."""

from collections.abc import Mapping
from typing import TypeAlias

Phrases: TypeAlias = Mapping[str, tuple[str, ...]]

NOUNS: Phrases = {
    "house": ("house", "house", "house", "home"),
    "city": ("city", "cityscape", "cityscape", "skyline"),
    "mountains": ("mountain landscape", "mountain landscape", "mountain scene"),
    "hills": ("hilly landscape", "landscape of hills"),
    "desert": ("desert", "desert landscape"),
    "forest": ("forest", "forest landscape"),
    "sailboat": ("sailboat", "sailing boat"),
    "rabbit": ("rabbit", "bunny"),
    "plane": ("plane", "airplane"),
    "saucer": ("flying saucer", "saucer", "ufo"),
    "flying car": ("flying car",),
    "hot-air balloon": ("hot-air balloon",),
    "box": ("box", "gift box"),
}
COLORS: Phrases = {"gray": ("gray", "grey")}
STYLES: Phrases = {
    "futuristic": ("futuristic", "futuristic", "futuristic", "sci-fi"),
    "modern": ("modern",),
    "old": ("old", "old", "vintage"),
    "serene": ("serene", "serene", "serene", "calm", "peaceful", "tranquil"),
}
STOREYS: Phrases = {
    "one": ("one-story", "one-storey", "single-story"),
    "two": ("two-story", "two-story", "two-storey", "two-floor"),
    "three": ("three-story", "three-storey", "three-floor"),
}
FLOORS: Phrases = {"one": ("with one floor",), "two": ("with two floors",), "three": ("with three floors",)}
SIZES: Phrases = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")}
SETTINGS: Phrases = {
    "meadow": ("in a meadow", "on a green meadow", "on the grass"),
    "beach": ("on a beach", "by the sea", "on the beach"),
    "snow": ("in the snow", "in a snowy field"),
    "city": ("in a city", "in the city"),
    "room": ("in a room", "indoors"),
    "space": ("in space", "in outer space"),
    "underwater": ("under water", "underwater", "in the sea"),
}
OVER: Phrases = {
    "meadow": ("over a meadow", "above green hills"),
    "sea": ("over the sea", "above the ocean"),
    "mountains": ("over mountains", "above the mountains"),
    "city": ("over a city", "above the city"),
}
TIMES: Phrases = {
    "day": ("by day", "on a sunny day", "in daylight", "during the day"),
    "sunset": ("at sunset", "in the evening", "at dusk"),
    "night": ("at night", "by night", "under the stars"),
    "dawn": ("at dawn", "in the early morning", "at sunrise"),
}
EXTRAS: Phrases = {
    "flying cars": ("with flying cars", "with flying cars", "full of flying cars", "with flying cars in the sky"),
    "saucers": ("with flying saucers", "with ufos above it", "with saucers in the sky"),
    "airships": ("with airships", "with airships in the sky", "with blimps above it"),
    "birds": ("with birds", "with birds in the sky", "with birds flying above it"),
    "river": ("with a river", "with a river", "with a river flowing through it", "and a river"),
    "lake": ("with a lake", "by a lake", "and a lake"),
    "road": ("with a road", "with a road through it", "and a road"),
    "boat": ("with a boat on a lake", "with a sailboat on a lake"),
}
HELD: Phrases = {
    "neon lights": (
        "with {} neon lights",
        "with {} neon lights",
        "glowing with {} neon lights",
        "with glowing {} neon outlines",
    ),
    "flower": ("holding a {} flower", "with a {} flower"),
    "balloon": ("holding a {} balloon", "with a {} balloon"),
    "umbrella": ("holding a {} umbrella", "under a {} umbrella", "with a {} umbrella"),
    "hat": ("wearing a {} hat", "with a {} hat", "in a {} hat"),
}
LIKE = ("shaped like a {}", "shaped like a {}", "in the shape of a {}", "that looks like a {}")
RELATIONS: Phrases = {
    "left of": ("left of", "to the left of", "on the left of"),
    "right of": ("right of", "to the right of", "on the right of"),
    "above": ("above", "over", "on top of"),
    "below": ("below", "under", "beneath"),
}
INVERSE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
OPENINGS = ("", "", "", "", "a picture of ", "an illustration of ", "a drawing of ")
