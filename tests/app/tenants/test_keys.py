"""What a key looks like, and what is kept of it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.tenants.keys import digest_of, id_of, is_well_formed, new_key

KEY = new_key()


def test_a_new_key_is_well_formed():
    """Keys differ, and each passes its own checksum."""
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(is_well_formed(key) for key in keys)


@given(position=st.integers(0, len(KEY) - 1), character=st.characters())
def test_any_one_wrong_character_shows(position, character):
    """A mistyped key is refused by its form alone."""
    mistyped = KEY[:position] + character + KEY[position + 1 :]
    assert is_well_formed(mistyped) == (mistyped == KEY)


@settings(max_examples=30)
@given(st.text())
def test_other_text_is_no_key(text):
    """Whatever somebody sends, looking at it is harmless."""
    assert not is_well_formed(text)
    assert not is_well_formed(KEY + text) or not text


def test_the_id_tells_nothing_of_the_key():
    """What lists and counters show cannot be turned back."""
    assert id_of(digest_of(KEY)).removeprefix("key_") not in KEY
    assert KEY[3:] not in digest_of(KEY)
