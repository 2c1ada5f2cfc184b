"""A generator's folder is complete in itself, or shares its parts by name; what is bundled stays small."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from models.bundles import part_folders, revision
from models.catalog_entries import WEIGHTS
from models.checkpoints import CheckpointError
from models.gan.generator import GanGenerator
from models.transformer.generator import TransformerGenerator
from tests.models.gan.test_generator import save_small_gan
from tests.models.transformer.test_generator import save_small_generator

MAX_BUNDLE_BYTES = 64 * 10**6


def share(folder: Path, **parts: str) -> None:
    """Move parts of the generator to folders beside it, and name them."""
    for part, place in parts.items():
        shutil.move(folder / part, folder / place)
    (folder / "parts.json").write_text(json.dumps(parts))


@pytest.mark.parametrize("kind", [GanGenerator, TransformerGenerator])
def test_shared_parts_draw_the_same_pictures(kind, tmp_path):
    """Where the parts lie changes neither a picture nor the revision."""
    save = save_small_gan if kind is GanGenerator else save_small_generator
    folder = save(tmp_path / "model")
    alone = kind.from_pretrained(folder)

    share(folder, tokenizer="../common")
    sharing = kind.from_pretrained(folder)

    assert sharing.revision == alone.revision
    assert np.array_equal(sharing.generate_image("a house", seed=3), alone.generate_image("a house", seed=3))


def test_a_shared_upscaler_brings_larger_sizes(tmp_path):
    """An upscaler is as good beside the folder as in it."""
    folder = save_small_gan(tmp_path / "model")
    share(folder, upscaler="../common")

    assert GanGenerator.from_pretrained(folder).generate_image("a house", size=256).shape == (256, 256, 3)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"upscaler": "../none"}', "upscaler: there is no folder ../none"),
        ('{"tokenizer": "../other"}', "tokenizer: ../other is named, but there is one in"),
        ('{"tokenizer": "../../other"}', "tokenizer"),
        ('{"tokenizer": "/etc"}', "tokenizer"),
        ('{"tokeniser": "../other"}', "tokeniser"),
        ("[]", "parts.json"),
    ],
)
def test_unusable_names_of_parts_are_refused(content, problem, tmp_path):
    """A part is in one place only, in this folder or in one right beside it."""
    (tmp_path / "other").mkdir()
    folder = save_small_gan(tmp_path / "model", upscaler=False)
    (folder / "parts.json").write_text(content)

    with pytest.raises(CheckpointError, match=problem):
        part_folders(folder)


def test_the_revision_follows_everything_that_is_read(tmp_path):
    """A part's configuration and the words decide what a picture shows as much as weights do."""
    folder = save_small_gan(tmp_path)
    before = revision(folder, "generator", "1")
    config = folder / "upscaler" / "config.json"
    config.write_text(config.read_text().replace('"flat": 0.1', '"flat": 0.2'))
    flatter = revision(folder, "generator", "1")
    (folder / "vocabulary.json").write_text('["a", "pink", "robot", "house"]')

    assert len({before, flatter, revision(folder, "generator", "1")}) == 3


def test_the_bundled_generators_share_tokenizer_and_upscaler():
    """No weights are bundled twice."""
    places = [part_folders(WEIGHTS / model) for model in ("easel-gan", "easel-transformer")]

    for part, name in {"tokenizer": "easel-tokenizer", "upscaler": "easel-upscaler"}.items():
        assert {place[part].resolve() for place in places} == {(WEIGHTS / name).resolve()}


def test_what_is_bundled_stays_small():
    """All weights together are a download that nobody minds."""
    assert sum(path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file()) <= MAX_BUNDLE_BYTES
