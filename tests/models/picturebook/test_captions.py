"""What captions say, and how wrong ones are wrong."""

import numpy as np
import pytest

from models.picturebook import VOCABULARY, Scene, caption, near_miss, sample_scene, words
from models.picturebook.captions import wrong_caption
from models.picturebook.vocabulary import SYNONYMS

TOLD = Scene("house", "house", color="pink", shape="shoe", storeys="two", time="night", setting="snow")
CONTRADICTIONS = {
    "color": {"red", "orange", "yellow", "green", "blue", "purple", "brown", "gray", "grey", "white"},
    "shape": {"plain", "simple", "teapot", "mushroom", "pumpkin", "castle", "egg", "hat"},
    "storeys": {"one", "single", "three"},
}
PAIR = Scene("pair", "ball", color="red", relation="left of", second="box", second_color="blue")


def captioned(n: int) -> list[tuple[Scene, str, str]]:
    rng = np.random.default_rng(1)
    sampled = [sample_scene(rng, split="train") for _ in range(n)]
    return [(scene, caption(scene, rng).text, near_miss(scene, rng)) for scene in sampled]


def test_every_word_is_in_the_vocabulary():
    """True and wrong captions use no word that the vocabulary lacks."""
    for _, right, wrong in captioned(4000):
        assert set(words(right)) | set(words(wrong)) <= set(VOCABULARY)


def test_captions_are_short_sentences():
    """A caption has at most thirty words, a capital and a full stop."""
    for _, right, wrong in captioned(4000):
        for text in (right, wrong):
            assert 2 <= len(words(text)) <= 30
            assert text[0].isupper()
            assert text.endswith(".")
            assert "  " not in text
            assert "{" not in text


def test_the_vocabulary_is_sorted_and_free_of_duplicates():
    """Token ids of trained checkpoints index into a fixed, sorted list of words."""
    assert list(VOCABULARY) == sorted(set(VOCABULARY))
    assert len(VOCABULARY) <= 400


def test_synonyms_lead_to_words_of_the_vocabulary():
    """A synonym stands for a word that captions use, and is not one itself."""
    assert set(SYNONYMS.values()) <= set(VOCABULARY)
    assert not set(SYNONYMS) & set(VOCABULARY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A two-story house.", ["a", "two", "story", "house"]),
        ("A tranquil STREAM!", ["a", "tranquil", "river"]),
        ("a sci-fi metropolis", ["a", "sci", "fi", "city"]),
        ("", []),
    ],
)
def test_text_is_split_into_words(text: str, expected: list[str]):
    """Words are lower case; hyphens and punctuation separate them; synonyms are understood."""
    assert words(text) == expected


def test_a_caption_names_the_subject_and_only_what_applies():
    """The named attributes include the subject and are all attributes of the scene."""
    rng = np.random.default_rng(2)
    for _ in range(500):
        scene = sample_scene(rng, split="train")
        named = caption(scene, rng).named
        assert "subject" in named
        assert named <= scene.attributes().keys()


@pytest.mark.parametrize(
    ("name", "wordings"),
    [
        ("color", ["pink"]),
        ("shape", ["shoe"]),
        ("storeys", ["two"]),
        ("time", ["night", "stars"]),
        ("setting", ["snow", "snowy"]),
    ],
)
def test_an_attribute_is_worded_exactly_when_it_is_named(name: str, wordings: list[str]):
    """What is named is said, and what is not named is not said."""
    rng = np.random.default_rng(3)
    for _ in range(50):
        told = caption(TOLD, rng)
        assert any(wording in words(told.text) for wording in wordings) == (name in told.named)


def test_a_near_miss_is_wrong_in_exactly_one_attribute():
    """Of colour, shape and storeys, a wrong caption contradicts exactly one."""
    shoe_house = Scene("house", "house", color="pink", shape="shoe", storeys="two")
    rng = np.random.default_rng(4)
    for _ in range(300):
        text, name = wrong_caption(shoe_house, rng)
        wrong = [key for key, foreign in CONTRADICTIONS.items() if foreign & set(words(text))]
        assert wrong == [name], text


def test_wrong_relations_are_wrong():
    """A near miss of a relation never says the same picture from its other end."""
    rng = np.random.default_rng(5)
    for _ in range(300):
        text, name = wrong_caption(PAIR, rng)
        if name == "relation":
            said = words(text)
            ball_first = said.index("ball") < said.index("box")
            assert not ("left" in said and ball_first)
            assert not ("right" in said and not ball_first)


def test_articles_agree():
    """It is "an old robot" and "a one-story house"."""
    for _, right, _ in captioned(2000):
        assert " a orange" not in right
        assert " a old" not in right
        assert "an one" not in right.lower()
