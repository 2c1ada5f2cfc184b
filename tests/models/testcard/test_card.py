"""A person sees on a card what was asked for."""

import random

import numpy as np
import pytest

from models.interface import GenerationRequest, Row
from models.testcard.card import draw_card
from models.testcard.inks import INKS, KEY, NEUTRAL, choose_inks


def card(prompt="a house", *, size=(256, 256), index=0, steps=4, **options):
    width, height = size
    request = GenerationRequest(prompt=prompt, width=width, height=height, **{"seed": 7} | options)
    return draw_card(Row(request, index), steps)


def share(image, color):
    """The part of the pixels that are nearly of this colour."""
    return (np.abs(image.astype(int) - color).max(axis=2) < 24).mean()


@pytest.mark.parametrize("color", ["red", "orange", "green", "teal", "blue", "purple", "pink", "brown"])
def test_a_colour_in_the_prompt_is_seen(color):
    """What the prompt calls pink is pink, and on other cards that is rare."""
    assert share(card(f"a {color} house"), INKS[color]) > 0.04


def test_several_colours_are_all_seen():
    """Each colour that the prompt names is on the card, up to five."""
    image = card("a red robot, a blue car and a green tree under an orange sky")
    assert all(share(image, INKS[color]) > 0.01 for color in ("red", "blue", "green", "orange"))


def test_colours_go_by_other_names():
    """Colours are found in any case and under other names."""
    inks = choose_inks("Crimson and VIOLET, black", None, random.Random(0))
    assert inks == [INKS["red"], INKS["purple"], NEUTRAL["black"]]


def test_colours_are_whole_words():
    """A hundred is not red."""
    assert choose_inks("hundred", None, random.Random(1)) == choose_inks("thousand", None, random.Random(1))


def test_a_card_is_drawn_even_if_every_colour_is_unwanted():
    """What is left is the ink of frame and letters."""
    unwanted = " ".join([*INKS, *NEUTRAL])
    assert choose_inks("a red house", unwanted, random.Random(0)) == [KEY]
    assert card("a red house", negative_prompt=unwanted).shape == (256, 256, 3)


def test_a_colour_in_the_negative_prompt_is_not_used():
    """Even where the prompt names it."""
    for seed in range(30):
        assert INKS["pink"] not in choose_inks("a pink house", "pink, yellow", random.Random(seed))


def test_every_card_has_at_least_three_inks():
    """A prompt without colours is no reason for a dull card."""
    assert {len(set(choose_inks("a house", None, random.Random(seed)))) for seed in range(30)} == {3}


@pytest.mark.parametrize("size", [(64, 64), (64, 2048), (2048, 64), (101, 67), (512, 512)])
def test_any_size(size):
    """Every size between the limits has a frame, a scene and letters."""
    image = card(size=size)
    assert image.shape == (size[1], size[0], 3)
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 50


def test_letters_tell_prompts_apart():
    """Two prompts of the same colours differ where the prompt is written."""
    first, second = card("a pink house"), card("a pink shoe")
    middle = slice(96, 144), slice(40, 216)
    assert (first[middle] != second[middle]).any()


@pytest.mark.parametrize("change", [{"seed": 8}, {"index": 1}, {"steps": 5}, {"size": (256, 257)}])
def test_facts_are_written(change):
    """Seed, index, steps and size each change the line at the plate's foot."""
    foot = slice(150, 163), slice(30, 226)
    assert (card()[foot] != card(**change)[foot]).any()


def test_the_same_card_for_ever():
    """Nothing but the request decides about a pixel."""
    assert np.array_equal(card(), card())


@pytest.mark.parametrize("prompt", ["x" * 4000, "word " * 800, "東京 🙂 naïve Straße", "\n\t", "a" * 60 + " b"])
def test_any_prompt_can_be_lettered(prompt):
    """Neither length nor script stops the press."""
    assert card(prompt, size=(64, 64)).shape == (64, 64, 3)
