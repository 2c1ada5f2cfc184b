"""Numbered pages: of the picture book, and of a user's own captioned pictures."""

import numpy as np
import pytest
from PIL import Image

from models.picturebook import VOCABULARY
from models.training.book_pages import BookPages, is_hard
from models.training.files import DataError
from models.training.pages import open_pages
from tests.models.training.own_pictures import save_pictures


@pytest.fixture
def folder(tmp_path):
    return save_pictures(tmp_path / "pictures")


def captions_of(pages, numbers):
    rng = np.random.default_rng(0)
    return [pages.page(number).caption(rng) for number in numbers]


def test_a_page_of_the_book_follows_from_its_number():
    """The same number gives the same scene, in every process; another seed other scenes."""
    scenes = [BookPages(3).page(number).scene for number in range(5)]

    assert scenes == [BookPages(3).page(number).scene for number in range(5)]
    assert scenes != [BookPages(4).page(number).scene for number in range(5)]


def test_hard_scenes_can_be_drawn_more_often():
    """With a share of nearly one, nearly all pages are pairs, neon or hats, which few are otherwise."""
    shares = [
        np.mean([is_hard(BookPages(0, share).page(number).scene) for number in range(60)]) for share in (0.0, 0.99)
    ]

    assert shares[0] < 0.4
    assert shares[1] > 0.9


def test_own_pictures_come_in_rounds(folder):
    """Each round shows every picture once, in another order."""
    pages = open_pages(str(folder), 0, at_least=1)
    rounds = [captions_of(pages, range(16 * turn, 16 * (turn + 1))) for turn in range(3)]

    assert all(len(set(captions)) == 16 for captions in rounds)
    assert rounds[0] != rounds[1] != rounds[2]


def test_own_pages_are_the_same_after_a_restart(folder):
    """Orders follow from the seed, not from what was asked before."""
    numbers = [40, 3, 17]

    assert captions_of(open_pages(str(folder), 5, at_least=1), numbers) == captions_of(
        open_pages(str(folder), 5, at_least=1), numbers
    )


def test_the_vocabulary_is_what_own_captions_say(folder):
    """Their words and no others, in an order of its own."""
    vocabulary = open_pages(str(folder), 0, at_least=1).vocabulary

    assert vocabulary == tuple(sorted(vocabulary))
    assert {"velvet", "square", "navy"} <= set(vocabulary)
    assert "house" not in vocabulary
    assert open_pages("", 0, at_least=1).vocabulary == VOCABULARY


def test_the_digest_tells_other_pictures(folder):
    """Names and captions count; the picture book has one digest whatever the seed."""
    before = open_pages(str(folder), 0, at_least=1).digest
    (folder / "red-white.txt").write_text("A scarlet square.")

    assert before != open_pages(str(folder), 0, at_least=1).digest
    assert open_pages("", 0, at_least=1).digest == open_pages("", 1, at_least=1).digest


def test_a_wrong_caption_is_another_pictures(folder):
    """It is never the picture's own."""
    page = open_pages(str(folder), 0, at_least=1).page(0)
    rng = np.random.default_rng(0)
    wrong = {page.near_miss(rng) for _ in range(50)}

    assert len(wrong) > 5
    assert page.caption(rng) not in wrong


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("red-white.png", b"not an image", r"red-white\.png: not a usable image"),
        ("red-white.txt", b"...", r"red-white\.png: the caption has no words"),
        ("red-white.txt", b"one two three four five six seven", r"red-white\.png: the caption has 7 words, more than"),
    ],
)
def test_unusable_files_are_named_before_training(folder, name, content, problem):
    """What is wrong with one picture of many is said at once, with its name."""
    (folder / name).write_bytes(content)

    with pytest.raises(DataError, match=problem):
        open_pages(str(folder), 0, at_least=1, max_words=6)


def test_small_pictures_are_refused(folder):
    """Nothing is enlarged behind the user's back."""
    Image.new("RGB", (300, 100)).save(folder / "red-white.png")

    with pytest.raises(DataError, match=r"red-white\.png: 300x100 pixels, at least 128 are needed"):
        open_pages(str(folder), 0, at_least=1)


def test_too_few_pictures_are_refused(folder):
    """The message says how many there are and how many it takes."""
    with pytest.raises(DataError, match="16 pictures, at least 20 are needed"):
        open_pages(str(folder), 0, at_least=20)


def test_captions_that_say_all_the_same_are_refused(folder):
    """A model cannot learn what words mean from one sentence."""
    for caption in folder.glob("*.txt"):
        caption.write_text("A square.")

    with pytest.raises(DataError, match="all captions are the same"):
        open_pages(str(folder), 0, at_least=1)
