"""An input picture's part in what is drawn: all of it at strength 0, nothing at 1, else as the mask says."""

import numpy as np
import pytest
import torch

from models.interface import GenerationRequest, InputImage, Row
from models.transformer.generator import TransformerGenerator
from models.transformer.likeness import KEEP, observe
from tests.models.contract.recording_feed import RecordingFeed
from tests.models.transformer.small_networks import NETWORK
from tests.models.transformer.test_generator import save_small_generator

CELL = 8


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    return TransformerGenerator.from_pretrained(save_small_generator(tmp_path_factory.mktemp("weights")))


@pytest.fixture(scope="module")
def pixels():
    """A picture of coloured cells, which nothing but chance would draw."""
    cells = np.random.default_rng(3).integers(0, 256, (8, 8, 3), np.uint8)
    return cells.repeat(CELL, axis=0).repeat(CELL, axis=1)


def draw(generator, source=None, prompt="a pink house", **options):
    request = GenerationRequest(prompt=prompt, width=64, height=64, seed=3, **options)
    row, feed = Row(request, 0, "job", source), RecordingFeed()
    generator.generate([row], feed)
    return feed.images[row]


def tokenized(generator, pixels):
    """The picture as the tokenizer alone would give it back."""
    tokenizer = generator._tokenizer
    images = torch.from_numpy(pixels).movedim(-1, 0)[None] / 127.5 - 1
    decoded = tokenizer.tokens_to_images(tokenizer.images_to_tokens(images))
    return ((decoded[0] + 1) * 127.5).round().byte().movedim(0, -1).numpy()


def test_strength_0_keeps_the_picture(generator, pixels):
    """What comes back is the tokenizer's copy of it, whatever the prompt."""
    assert np.array_equal(draw(generator, InputImage(pixels), strength=0.0), tokenized(generator, pixels))


def test_strength_1_forgets_the_picture(generator, pixels):
    """What comes back is the prompt's own picture."""
    assert np.array_equal(draw(generator, InputImage(pixels), strength=1.0), draw(generator))


def test_in_between_the_picture_is_followed_the_less_the_stronger(generator, pixels):
    """The distance from the input grows with the strength."""
    away = [np.abs(draw(generator, InputImage(pixels), strength=s) - pixels.astype(float)).mean() for s in (0, 0.5, 1)]
    assert away[0] < away[1] < away[2]


def test_a_variation_begins_as_the_picture_does(generator, pixels):
    """Without words the first rows are kept, the fewer the greater the strength, and the rest is drawn anew."""
    for strength, rows in ((0.0, 8), (0.6, 4), (0.9, 1), (1.0, 0)):
        looked = observe(generator._tokenizer, InputImage(pixels), strength, has_prompt=False, grid=8, block=1)
        kept = looked.details.weights.reshape(8, 8) == KEEP
        assert kept[:rows].all()
        assert not kept[rows:].any()
    varied = draw(generator, InputImage(pixels), prompt="", strength=0.6)
    assert not np.array_equal(varied, tokenized(generator, pixels))


def test_tokens_outside_the_mask_are_kept(generator, pixels):
    """A cell that the mask does not touch keeps both of its tokens; one that it touches by a pixel does not."""
    mask = np.zeros((64, 64), bool)
    mask[:33] = True
    looked = observe(generator._tokenizer, InputImage(pixels, mask), 1.0, has_prompt=True, grid=8, block=NETWORK.block)
    kept = looked.details.weights.unflatten(0, (4, 4)) > 0  # blocks down and across, places
    assert kept[3].all()
    assert not kept[:2].any()
    assert kept[2].tolist() == [[False, False, True, True]] * 4
    assert not looked.colors.weights.any()


def test_inpainting_draws_the_masked_part(generator, pixels):
    """Far from the mask the picture is the tokenizer's copy; under it, it is another."""
    mask = np.zeros((64, 64), bool)
    mask[:24] = True
    drawn, copy = draw(generator, InputImage(pixels, mask), strength=1.0), tokenized(generator, pixels)
    assert np.array_equal(drawn[-24:], copy[-24:])
    assert (drawn[:24] != copy[:24]).mean() > 0.5


def test_a_larger_picture_is_seen_as_a_small_one(generator, pixels):
    """Input pictures have the size of what is drawn, which the upscaler makes larger than the grid."""
    large = pixels.repeat(2, axis=0).repeat(2, axis=1)
    assert np.array_equal(
        draw(generator, InputImage(large), strength=0.4), draw(generator, InputImage(pixels), strength=0.4)
    )


def test_a_row_with_a_picture_leaves_its_mates_alone(generator, pixels):
    """Rows with and without pictures share a batch."""
    request = GenerationRequest(prompt="a pink house", width=64, height=64, seed=3)
    rows = [Row(request, 0, "plain"), Row(request, 1, "with", InputImage(pixels))]
    feed = RecordingFeed()
    generator.generate(rows, feed)
    assert (feed.images[rows[0]] != draw(generator)).mean() < 0.01
