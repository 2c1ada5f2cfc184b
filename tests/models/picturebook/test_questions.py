"""Evaluation questions."""

import pytest

from models.picturebook import ATTRIBUTES, QUESTION_KINDS, questions, words
from models.picturebook.kinds import NONE


@pytest.mark.parametrize("kind", QUESTION_KINDS)
def test_questions_expect_known_values(kind: str):
    """Every expected value is one that a judge can tell, and none is "none"."""
    for question in questions(kind, 30, seed=0):
        for name, value in question.expected.items():
            assert value in ATTRIBUTES[name]
            assert value != NONE


@pytest.mark.parametrize("kind", QUESTION_KINDS)
def test_questions_follow_from_their_seed(kind: str):
    """The same seed asks the same questions, another seed others."""
    assert questions(kind, 20, seed=1) == questions(kind, 20, seed=1)
    assert questions(kind, 20, seed=1) != questions(kind, 20, seed=2)


def test_counting_questions_name_the_count():
    """A counting question says how many; one of a thing may be "a single"."""
    for question in questions("counting", 40, seed=0):
        count = question.expected["count"]
        assert count == "one" or count in words(question.prompt)


def test_binding_questions_name_both_colors():
    """An attribute-binding question names two things, each with its colour."""
    for question in questions("attribute_binding", 40, seed=0):
        said = [word.replace("grey", "gray") for word in words(question.prompt)]
        assert {question.expected["color"], question.expected["second_color"]} <= set(said)


def test_an_unknown_kind_is_refused():
    """An unknown kind of question is an error that lists the six."""
    with pytest.raises(ValueError, match="single_object"):
        questions("smell", 1, seed=0)
