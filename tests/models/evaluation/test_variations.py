"""Other scenes that a caption or a question would accept."""

import numpy as np
import pytest

from models.evaluation.alignment import named_attributes
from models.evaluation.variations import another_scene, answering_scene
from models.picturebook import QUESTION_KINDS, draw, questions


def test_a_variation_keeps_what_the_caption_names(pages):
    """Every attribute that the caption names is the page's; it can be drawn."""
    rng = np.random.default_rng(0)
    for page in pages[:12]:
        scene = another_scene(page, rng)
        assert named_attributes(page).items() <= scene.attributes().items()
        assert draw(scene).shape == (128, 128, 3)


def test_variations_differ(pages):
    """What the caption leaves open changes from one variation to the next."""
    rng = np.random.default_rng(0)
    page = min(pages, key=lambda each: len(each.named))
    assert len({another_scene(page, rng) for _ in range(6)}) > 1


@pytest.mark.parametrize("kind", QUESTION_KINDS)
def test_an_answer_shows_what_is_asked_for(kind):
    """The renderer's answer to a question has all that is expected."""
    rng = np.random.default_rng(0)
    for question in questions(kind, 6, seed=1):
        assert question.expected.items() <= answering_scene(question, rng).attributes().items()
