"""Which inks a card is printed in: the colours that the prompt names, then ones that its words decide.

The inks are those of risograph printing, as listed at https://www.stencil.wiki/colors.
"""

from __future__ import annotations

import random
import re
from typing import TypeAlias

RGB: TypeAlias = tuple[int, int, int]

FEWEST_INKS, MOST_INKS = 3, 5

PAPER: RGB = (247, 241, 228)
KEY: RGB = (38, 32, 52)  # the dark ink of frame and lettering

INKS: dict[str, RGB] = {
    "red": (235, 64, 72),
    "orange": (255, 116, 47),
    "yellow": (255, 210, 40),
    "green": (0, 169, 92),
    "teal": (0, 150, 150),
    "blue": (30, 106, 214),
    "purple": (128, 86, 190),
    "pink": (255, 84, 170),
    "brown": (150, 98, 70),
    "gray": (136, 138, 146),
    "gold": (196, 152, 80),
    "mint": (110, 206, 172),
}
NEUTRAL: dict[str, RGB] = {"black": (70, 64, 78), "white": (255, 255, 255)}

LIGHT = ("yellow", "mint", "pink", "orange")  # every card needs one to print others over
LIVELY = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "mint")

SYNONYMS = {
    "crimson": "red", "scarlet": "red", "ruby": "red", "cherry": "red", "sunset": "orange", "amber": "orange",
    "lemon": "yellow", "sunny": "yellow", "lime": "green", "emerald": "green", "forest": "green", "meadow": "green",
    "turquoise": "teal", "cyan": "teal", "aqua": "teal", "sea": "teal", "ocean": "blue", "navy": "blue",
    "azure": "blue", "sky": "blue", "violet": "purple", "lilac": "purple", "lavender": "purple", "magenta": "pink",
    "rose": "pink", "chocolate": "brown", "grey": "gray", "silver": "gray", "golden": "gold",
}  # fmt: skip


def choose_inks(prompt: str, negative_prompt: str | None, rng: random.Random) -> list[RGB]:
    """Pick three inks, or as many as `prompt` names up to five; none that `negative_prompt` names."""
    unwanted = set(_named(negative_prompt or ""))
    names = [name for name in _named(prompt) if name not in unwanted][:MOST_INKS]
    if len(names) < FEWEST_INKS and not set(names) & set(LIGHT):
        names += _others(LIGHT, unwanted | set(names), rng)[:1]
    names += _others(LIVELY, unwanted | set(names), rng)[: max(0, FEWEST_INKS - len(names))]
    return [(INKS | NEUTRAL)[name] for name in names] or [KEY]


def _others(inks: tuple[str, ...], without: set[str], rng: random.Random) -> list[str]:
    found = [name for name in inks if name not in without]
    return rng.sample(found, len(found))


def _named(text: str) -> list[str]:
    words = (SYNONYMS.get(word, word) for word in re.findall(r"[a-z]+", text.lower()))
    return list(dict.fromkeys(word for word in words if word in INKS or word in NEUTRAL))
