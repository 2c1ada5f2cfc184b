"""R-precision finds what is there, and chance where nothing is."""

import pytest
import torch
from torch.nn import functional

from models.evaluation.drawing import in_batches
from models.evaluation.matcher import PADDING, UNKNOWN, Matcher, MatcherConfig
from models.evaluation.matching import CANDIDATES, near_miss_precision, r_precision


def unit_vectors(count: int, seed: int) -> torch.Tensor:
    return functional.normalize(torch.randn(count, 64, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_each_caption_is_found():
    """Pictures that lie on their captions find all of them."""
    captions = unit_vectors(150, seed=0)
    assert r_precision(captions, captions, seed=0) == 1.0


def test_unrelated_pictures_find_by_chance():
    """Pictures that know nothing of their captions find about one in a hundred."""
    assert r_precision(unit_vectors(1000, seed=0), unit_vectors(1000, seed=1), seed=0) < 0.03


def test_too_few_captions_are_refused():
    """One of a hundred needs a hundred captions."""
    few = unit_vectors(CANDIDATES - 1, seed=0)
    with pytest.raises(ValueError, match="captions: R-precision needs at least 100, got 99"):
        r_precision(few, few, seed=0)


def test_the_nearer_caption_wins():
    """A picture is right if its own caption is nearer than the near miss."""
    own, miss = unit_vectors(10, seed=0), unit_vectors(10, seed=1)
    assert near_miss_precision(own, own, miss) == 1.0
    assert near_miss_precision(miss, own, miss) == 0.0


def test_words_are_numbered_for_the_reader():
    """Known words have numbers of their own, others share one, and the rest of the row is padding."""
    matcher = Matcher(MatcherConfig(vocabulary=("red", "house")))
    assert matcher.tokens(["Red zebra house"])[0, :4].tolist() == [2, UNKNOWN, 3, PADDING]


def test_it_finds_captions_of_drawings(matcher, pages, drawings):
    """The bundled matcher puts the caption before a page's neighbour's."""
    images = in_batches(drawings, matcher.embed_images)
    captions = matcher.embed_captions([page.caption for page in pages]).detach()
    assert near_miss_precision(images, captions, captions.roll(1, dims=0)) >= 0.9
