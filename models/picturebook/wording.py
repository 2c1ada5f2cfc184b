"""The phrases of captions: tables of words per attribute value, and how they join to a sentence."""

import numpy as np

Told = dict[str, str]

_NOUNS: dict[str, tuple[str, ...]] = {
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
_COLORS = {"gray": ("gray", "grey")}
_STYLES = {
    "futuristic": ("futuristic", "futuristic", "futuristic", "sci-fi"),
    "modern": ("modern",),
    "old": ("old", "old", "vintage"),
    "serene": ("serene", "serene", "serene", "calm", "peaceful", "tranquil"),
}
_STOREYS = {
    "one": ("one-story", "one-storey", "single-story"),
    "two": ("two-story", "two-story", "two-storey", "two-floor"),
    "three": ("three-story", "three-storey", "three-floor"),
}
_FLOORS = {"one": ("with one floor",), "two": ("with two floors",), "three": ("with three floors",)}
_SIZES = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")}
_SETTINGS = {
    "meadow": ("in a meadow", "on a green meadow", "on the grass"),
    "beach": ("on a beach", "by the sea", "on the beach"),
    "snow": ("in the snow", "in a snowy field"),
    "city": ("in a city", "in the city"),
    "room": ("in a room", "indoors"),
    "space": ("in space", "in outer space"),
    "underwater": ("under water", "underwater", "in the sea"),
}
_OVER = {
    "meadow": ("over a meadow", "above green hills"),
    "sea": ("over the sea", "above the ocean"),
    "mountains": ("over mountains", "above the mountains"),
    "city": ("over a city", "above the city"),
}
_TIMES = {
    "day": ("by day", "on a sunny day", "in daylight", "during the day"),
    "sunset": ("at sunset", "in the evening", "at dusk"),
    "night": ("at night", "by night", "under the stars"),
    "dawn": ("at dawn", "in the early morning", "at sunrise"),
}
_EXTRAS = {
    "flying cars": ("with flying cars", "with flying cars", "full of flying cars", "with flying cars in the sky"),
    "saucers": ("with flying saucers", "with ufos above it", "with saucers in the sky"),
    "airships": ("with airships", "with airships in the sky", "with blimps above it"),
    "birds": ("with birds", "with birds in the sky", "with birds flying above it"),
    "river": ("with a river", "with a river", "with a river flowing through it", "and a river"),
    "lake": ("with a lake", "by a lake", "and a lake"),
    "road": ("with a road", "with a road through it", "and a road"),
    "boat": ("with a boat on a lake", "with a sailboat on a lake"),
}
_HELD = {
    "neon lights": ("with {} neon lights", "with {} neon lights", "glowing with {} neon lights", "with glowing {} neon outlines"),
    "flower": ("holding a {} flower", "with a {} flower"),
    "balloon": ("holding a {} balloon", "with a {} balloon"),
    "umbrella": ("holding a {} umbrella", "under a {} umbrella", "with a {} umbrella"),
    "hat": ("wearing a {} hat", "with a {} hat", "in a {} hat"),
}
_LIKE = ("shaped like a {}", "shaped like a {}", "in the shape of a {}", "that looks like a {}")
_RELATIONS = {
    "left of": ("left of", "to the left of", "on the left of"),
    "right of": ("right of", "to the right of", "on the right of"),
    "above": ("above", "over", "on top of"),
    "below": ("below", "under", "beneath"),
}
_INVERSE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
_PLURALS = {"box": "boxes"}
_OPENINGS = ("", "", "", "", "a picture of ", "an illustration of ", "a drawing of ")


class _Phrases:
    """Chooses among wordings with one random generator."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def chance(self, share: float) -> bool:
        return bool(self._rng.random() < share)

    def one(self, table: dict[str, tuple[str, ...]], value: str | None) -> str:
        """Word a value by its table, or as it is; "" for None."""
        if value is None:
            return ""
        return self.of(table.get(value, (value,)))

    def of(self, options: tuple[str, ...]) -> str:
        return options[self._rng.integers(len(options))]


def sentence(kind: str, told: Told, rng: np.random.Generator) -> str:
    """Join what is told into one sentence with a capital and a full stop."""
    say = _Phrases(rng)
    body = _BODIES.get(kind, _single)(say, told)
    when = say.one(_TIMES, told.get("time"))
    if when and say.chance(0.25):
        text = f"{when}, {body}"
    else:
        text = f"{say.of(_OPENINGS)}{body} {when}"
    text = _articles(" ".join(text.split()))
    return text[0].upper() + text[1:] + "."


def _articles(text: str) -> str:
    """Turn "a" into "an" before a vowel sound."""
    words = text.split(" ")
    for index, (word, following) in enumerate(zip(words, words[1:], strict=False)):
        if word == "a" and following[0] in "aeiou" and not following.startswith(("one", "ufo")):
            words[index] = "an"
    return " ".join(words)


def _adjectives(say: _Phrases, told: Told) -> str:
    size, style = say.one(_SIZES, told.get("size")), say.one(_STYLES, told.get("style"))
    return f"{size} {style} {say.one(_COLORS, told.get('color'))}"


def _single(say: _Phrases, told: Told) -> str:
    """Word one thing: adjectives, noun, what it has, and where it is."""
    noun = say.one(_NOUNS, told["subject"])
    where = say.one(_SETTINGS, told.get("setting"))
    return f"a {_adjectives(say, told)} {noun} {_extra(say, told)} {where}"


def _extra(say: _Phrases, told: Told) -> str:
    extra = told.get("extra")
    if extra in _HELD:
        return say.of(_HELD[extra]).format(say.one(_COLORS, told.get("accent")))
    return say.one(_EXTRAS, extra)


def _house(say: _Phrases, told: Told) -> str:
    """Word a house; its storeys go before or after, its shape likewise."""
    before, after = [], []
    storeys, shape = told.get("storeys"), told.get("shape")
    if storeys and say.chance(0.75):
        before.append(say.one(_STOREYS, storeys))
    elif storeys:
        after.append(say.one(_FLOORS, storeys))
    before.append(say.one(_COLORS, told.get("color")))
    if shape == "plain":
        before.insert(0, say.of(("plain", "simple")))
    elif shape and say.chance(0.75):
        after.insert(0, say.of(_LIKE).format(shape))
    elif shape:
        before.append(f"{shape}-shaped")
    noun, where = say.one(_NOUNS, "house"), say.one(_SETTINGS, told.get("setting"))
    return f"a {' '.join(before)} {noun} {' and '.join(after) if len(after) == 1 else ' '.join(after)} {where}"


def _landscape(say: _Phrases, told: Told) -> str:
    noun = say.one(_NOUNS, told["subject"])
    return f"a {say.one(_STYLES, told.get('style'))} {noun} {_extra(say, told)}"


def _sea(say: _Phrases, told: Told) -> str:
    noun, color = say.one(_NOUNS, told["subject"]), say.one(_COLORS, told.get("color"))
    if "style" in told:
        return f"a {color} {noun} on a {say.one(_STYLES, told['style'])} sea"
    return f"a {color} {noun} {say.of(('', 'on the sea', 'at sea', 'in the ocean'))}"


def _sky_thing(say: _Phrases, told: Told) -> str:
    noun = say.one(_NOUNS, told["subject"])
    where = say.one(_OVER, told.get("setting")) or say.of(("", "in the sky", "flying"))
    return f"a {_adjectives(say, told)} {noun} {where}"


def _pair(say: _Phrases, told: Told) -> str:
    """Word a pair from either end when its relation is told, else from left to right."""
    first = f"a {say.one(_COLORS, told.get('color'))} {say.one(_NOUNS, told['subject'])}"
    second = f"a {say.one(_COLORS, told.get('second_color'))} {say.one(_NOUNS, told['second'])}"
    relation = told.get("relation")
    if relation is None:
        return f"{first} {say.of(('and', 'and', 'next to', 'with'))} {second}"
    if say.chance(0.35):
        return f"{second} {say.one(_RELATIONS, _INVERSE[relation])} {first}"
    return f"{first} {say.one(_RELATIONS, relation)} {second}"


def _count(say: _Phrases, told: Told) -> str:
    noun, color = say.one(_NOUNS, told["subject"]), say.one(_COLORS, told.get("color"))
    if told["count"] == "one":
        return f"{say.of(('one', 'a single', 'a'))} {color} {noun}"
    return f"{told['count']} {color} {_plural(noun)}"


def _plural(noun: str) -> str:
    return f"{noun}es" if noun.endswith("x") else f"{noun}s"


_BODIES = {
    "house": _house,
    "landscape": _landscape,
    "sea": _sea,
    "sky": _sky_thing,
    "pair": _pair,
    "count": _count,
}
