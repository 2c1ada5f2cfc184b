import pytest

from models.text import PAD, UNKNOWN, WordTokenizer

WORDS = WordTokenizer(("house", "pink", "story", "two"), length=6)


def test_case_punctuation_and_hyphens_do_not_matter():
    """Words are what stands between anything that is no letter or digit."""
    assert WORDS.encode("Two-story, PINK house!") == WORDS.encode("two story pink house")


def test_prompts_are_padded_to_a_fixed_length():
    """The empty prompt is nothing but padding."""
    assert WORDS.encode("") == [PAD] * 6
    assert len(WORDS.encode("pink house")) == 6


def test_an_unknown_word_has_its_own_token():
    """It keeps its place, and is named once when asked for."""
    assert WORDS.encode("pink zebra house")[1] == UNKNOWN
    assert WORDS.unknown_words("zebra pink zebra") == ["zebra"]


def test_a_prompt_that_is_too_long_is_refused():
    """Nothing is cut off."""
    with pytest.raises(ValueError, match="prompt has 7 words, at most 6"):
        WORDS.encode("pink " * 7)
