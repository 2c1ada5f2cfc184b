"""How phrases join to one sentence, kind by kind."""

from itertools import pairwise

import numpy as np

from models.picturebook import phrases

Told = dict[str, str]


class _Voice:
    """Chooses among wordings with one random generator."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def chance(self, share: float) -> bool:
        return bool(self._rng.random() < share)

    def one(self, table: phrases.Phrases, value: str | None) -> str:
        """Word a value by its table, or as it is; "" for None."""
        if value is None:
            return ""
        return self.of(table.get(value, (value,)))

    def of(self, options: tuple[str, ...]) -> str:
        return options[self._rng.integers(len(options))]


def sentence(kind: str, told: Told, rng: np.random.Generator) -> str:
    """Join what is told into one sentence with a capital and a full stop."""
    say = _Voice(rng)
    body = _BODIES.get(kind, _single)(say, told)
    when = say.one(phrases.TIMES, told.get("time"))
    first = when and say.chance(0.25)
    text = f"{when}, {body}" if first else f"{say.of(phrases.OPENINGS)}{body} {when}"
    text = _articles(" ".join(text.split()))
    return text[0].upper() + text[1:] + "."


def _articles(text: str) -> str:
    """Turn "a" into "an" before a vowel sound."""
    words = text.split(" ")
    for index, (word, following) in enumerate(pairwise(words)):
        if word == "a" and following[0] in "aeiou" and not following.startswith(("one", "ufo")):
            words[index] = "an"
    return " ".join(words)


def _adjectives(say: _Voice, told: Told) -> str:
    size, style = say.one(phrases.SIZES, told.get("size")), say.one(phrases.STYLES, told.get("style"))
    return f"{size} {style} {say.one(phrases.COLORS, told.get('color'))}"


def _single(say: _Voice, told: Told) -> str:
    """Word one thing: adjectives, noun, what it has, and where it is."""
    noun = say.one(phrases.NOUNS, told["subject"])
    where = say.one(phrases.SETTINGS, told.get("setting"))
    return f"a {_adjectives(say, told)} {noun} {_extra(say, told)} {where}"


def _extra(say: _Voice, told: Told) -> str:
    extra = told.get("extra")
    if extra is not None and extra in phrases.HELD:
        return say.of(phrases.HELD[extra]).format(say.one(phrases.COLORS, told.get("accent")))
    return say.one(phrases.EXTRAS, extra)


def _house(say: _Voice, told: Told) -> str:
    """Word a house; its storeys go before or after, its shape likewise."""
    before, after = [], []
    storeys, shape = told.get("storeys"), told.get("shape")
    if storeys and say.chance(0.75):
        before.append(say.one(phrases.STOREYS, storeys))
    elif storeys:
        after.append(say.one(phrases.FLOORS, storeys))
    before.append(say.one(phrases.COLORS, told.get("color")))
    if shape == "plain":
        before.insert(0, say.of(("plain", "simple")))
    elif shape and say.chance(0.75):
        after.insert(0, say.of(phrases.LIKE).format(shape))
    elif shape:
        before.append(f"{shape}-shaped")
    noun, where = say.one(phrases.NOUNS, "house"), say.one(phrases.SETTINGS, told.get("setting"))
    return f"a {' '.join(before)} {noun} {' '.join(after)} {where}"


def _landscape(say: _Voice, told: Told) -> str:
    noun = say.one(phrases.NOUNS, told["subject"])
    return f"a {say.one(phrases.STYLES, told.get('style'))} {noun} {_extra(say, told)}"


def _sea(say: _Voice, told: Told) -> str:
    noun, color = say.one(phrases.NOUNS, told["subject"]), say.one(phrases.COLORS, told.get("color"))
    if "style" in told:
        return f"a {color} {noun} on a {say.one(phrases.STYLES, told['style'])} sea"
    return f"a {color} {noun} {say.of(('', 'on the sea', 'at sea', 'in the ocean'))}"


def _sky_thing(say: _Voice, told: Told) -> str:
    noun = say.one(phrases.NOUNS, told["subject"])
    where = say.one(phrases.OVER, told.get("setting")) or say.of(("", "in the sky", "flying"))
    return f"a {_adjectives(say, told)} {noun} {where}"


def _pair(say: _Voice, told: Told) -> str:
    """Word a pair from either end when its relation is told, else from left to right."""
    first = f"a {say.one(phrases.COLORS, told.get('color'))} {say.one(phrases.NOUNS, told['subject'])}"
    second = f"a {say.one(phrases.COLORS, told.get('second_color'))} {say.one(phrases.NOUNS, told['second'])}"
    relation = told.get("relation")
    if relation is None:
        return f"{first} {say.of(('and', 'and', 'next to', 'with'))} {second}"
    if say.chance(0.35):
        return f"{second} {say.one(phrases.RELATIONS, phrases.INVERSE[relation])} {first}"
    return f"{first} {say.one(phrases.RELATIONS, relation)} {second}"


def _count(say: _Voice, told: Told) -> str:
    noun, color = say.one(phrases.NOUNS, told["subject"]), say.one(phrases.COLORS, told.get("color"))
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
