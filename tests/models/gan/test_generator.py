"""The GAN as an image generator: one contract with the others, and what is its own."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.checkpoints import CheckpointError, save_network
from models.gan.generator import GanGenerator
from models.gan.networks import GanConfig, Generator
from models.interface import GenerationRequest, Row
from models.text import WordTokenizer
from models.transformer.tokenizer import ImageTokenizer, TokenizerConfig
from models.upscaler.network import Upscaler, UpscalerConfig
from tests.models.contract.recording_feed import RecordingFeed

WORDS = ["a", "pink", "house", "robot"]
PROMPT = "A pink house."


def save_small_gan(folder: Path, *, upscaler: bool = True, channels: int = 4) -> Path:
    """Write a whole checkpoint with random weights."""
    torch.manual_seed(0)
    config = GanConfig(
        vocabulary_size=WordTokenizer(WORDS, 24).size, latent_channels=4, text_width=32, text_layers=1,
        text_queries=2, z_size=8, style_width=32, style_layers=1, num_compositions=6,
    )  # fmt: skip
    generator = Generator(config)
    generator.compositions.fit(torch.randn(30, 4, 16, 16))
    save_network(generator, config, folder / "generator")
    tokenizer = TokenizerConfig(codebook_size=8, latent_channels=channels, coarse_width=8, fine_width=8)
    ImageTokenizer(tokenizer).save_pretrained(folder / "tokenizer")
    (folder / "vocabulary.json").write_text(json.dumps(WORDS))
    if upscaler:
        sizes = UpscalerConfig(patch=3, num_shapes=4)
        save_network(Upscaler(sizes), sizes, folder / "upscaler")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> GanGenerator:
    return GanGenerator.from_pretrained(save_small_gan(tmp_path_factory.mktemp("gan")))


def row_of(prompt: str = PROMPT, *, index: int = 0, size: int = 128, **options: float) -> Row:
    return Row(GenerationRequest(prompt=prompt, width=size, height=size, seed=7, **options), index)


def drawn(model: GanGenerator, *rows: Row) -> list[np.ndarray]:
    feed = RecordingFeed()
    model.generate(rows, feed)
    return [feed.images[row] for row in rows]


def test_three_calls_draw_a_picture(model: GanGenerator) -> None:
    """Load, encode, generate: text and its encoding give the same picture."""
    encoding = model.encode_text(PROMPT)
    image = model.generate_image(encoding, seed=7)
    assert (image.shape, image.dtype) == ((128, 128, 3), np.uint8)
    assert np.array_equal(image, model.generate_image(PROMPT, seed=7))


def test_python_api_and_batch_agree(model: GanGenerator) -> None:
    """The first image of a request is what the Python API draws for its seed."""
    assert np.array_equal(drawn(model, row_of())[0], model.generate_image(PROMPT, seed=7))


def test_batch_mates_change_no_bit(model: GanGenerator) -> None:
    """A row's image is the same alone and anywhere in a batch."""
    rows = [row_of("A robot."), row_of(index=1), row_of(truncation_psi=0.5)]
    assert all(
        np.array_equal(image, drawn(model, row)[0]) for row, image in zip(rows, drawn(model, *rows), strict=True)
    )


def test_full_truncation_gives_every_seed_the_same_picture(model: GanGenerator) -> None:
    """Without chance, index and seed no longer matter; with it they do."""
    typical = drawn(model, row_of(truncation_psi=0.0), row_of(index=1, truncation_psi=0.0))
    chance = drawn(model, row_of(), row_of(index=1))
    assert np.array_equal(*typical)
    assert not np.array_equal(*chance)


def test_unknown_words_are_told(model: GanGenerator) -> None:
    """The user learns which words had no effect."""
    feed, row = RecordingFeed(), row_of("A pink zeppelin.")
    model.generate([row], feed)
    assert feed.warnings[row] == ["these words are unknown to the model: zeppelin"]


def test_larger_sizes_are_offered_only_with_an_upscaler(model: GanGenerator, tmp_path: Path) -> None:
    """A checkpoint without an upscaler has its native size only."""
    alone = GanGenerator.from_pretrained(save_small_gan(tmp_path, upscaler=False))
    assert alone.capabilities.sizes == ((128, 128),)
    with pytest.raises(ValueError, match="size must be 128"):
        alone.generate_image(PROMPT, size=256)
    assert model.capabilities.sizes == ((128, 128), (256, 256), (512, 512), (1024, 1024))
    assert drawn(model, row_of(size=512))[0].shape == (512, 512, 3)


def test_long_prompts_are_refused(model: GanGenerator) -> None:
    """Words that would not be read are an error, not cut off."""
    with pytest.raises(ValueError, match="25 words, at most 24"):
        model.encode_text("pink " * 25)


def test_parts_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """A tokenizer with other latents than the generator's is an error that names the folder."""
    with pytest.raises(CheckpointError, match="do not belong together"):
        GanGenerator.from_pretrained(save_small_gan(tmp_path, channels=5))


def test_revision_follows_the_weights(model: GanGenerator, tmp_path: Path) -> None:
    """Other weights have another revision, and the same weights the same."""
    same = GanGenerator.from_pretrained(save_small_gan(tmp_path / "same"))
    other = GanGenerator.from_pretrained(save_small_gan(tmp_path / "other", upscaler=False))
    assert same.revision == model.revision != other.revision
