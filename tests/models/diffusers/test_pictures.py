"""Pipelines that draw after a picture: which can, how far they depart from it, and that a batch changes nothing."""

import numpy as np
import pytest

from models.interface import GenerationRequest, InputImage, Row
from tests.models.contract import tiny_pipelines
from tests.models.contract.recording_feed import RecordingFeed

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

PIXELS = np.random.default_rng(2).integers(0, 256, (64, 64, 3), np.uint8)
MASK = np.zeros((64, 64), bool)
MASK[:32] = True


@pytest.fixture(scope="module")
def generator(stable_diffusion):
    import torch  # noqa: PLC0415

    from models.catalog_entries import DiffusersModel  # noqa: PLC0415
    from models.diffusers_adapter import DiffusersGenerator  # noqa: PLC0415

    entry = DiffusersModel(id="tiny", family="diffusers", source=str(stable_diffusion))
    return DiffusersGenerator.from_entry(entry, device=torch.device("cpu"), dtype=torch.float32)


def row(prompt="a house", *, mask=None, pixels=PIXELS, **options):
    given = {"num_inference_steps": 4, "strength": 0.5, "seed": 1, "image": "inputs/a.png"} | options
    request = GenerationRequest(
        prompt=prompt, width=64, height=64, mask=None if mask is None else "inputs/b.png", **given
    )
    return Row(request, 0, prompt, InputImage(pixels, mask))


def draw(generator, *rows, **options):
    feed = RecordingFeed(**options)
    generator.generate(rows, feed)
    return feed


def away(image, other):
    return np.abs(image.astype(int) - other).mean()


def test_a_stable_diffusion_can_do_both(generator):
    """Siblings are found, with a default strength, and requests of unlike tasks do not share a batch."""
    able = generator.capabilities
    assert (able.image_to_image, able.variations, able.inpainting) == (True, True, True)
    assert able.strength.default == 0.6
    assert {"task", "strength"} <= set(able.batch_by)


def test_a_pipeline_without_siblings_takes_no_picture(load, tmp_path):
    """PixArt draws from words alone, and says so."""
    able = load(tiny_pipelines.save_pixart_sigma(tmp_path)).capabilities
    assert (able.image_to_image, able.variations, able.inpainting, able.strength) == (False, False, False, None)


def test_the_picture_decides_the_less_the_stronger(generator):
    """Two input pictures lead to results the closer the stronger the change."""
    gaps = []
    for strength in (0.25, 1.0):
        first, second = row(strength=strength), row(strength=strength, pixels=255 - PIXELS)
        gaps.append(away(draw(generator, first).images[first], draw(generator, second).images[second].astype(int)))
    assert gaps[0] > gaps[1]


@pytest.mark.parametrize("mask", [None, MASK])
def test_a_batch_equals_its_rows_alone(generator, mask):
    """Each row has its own picture, mask, noise and prompt."""
    rows = [row("a house", mask=mask), row("a robot", mask=mask, pixels=255 - PIXELS, seed=2)]
    together = draw(generator, *rows).images
    for one in rows:
        assert np.abs(together[one].astype(int) - draw(generator, one).images[one]).max() <= 1


def test_the_mask_decides_what_is_drawn(generator):
    """Another mask, another picture."""
    first, second = row(mask=MASK, strength=1.0), row(mask=~MASK, strength=1.0)
    assert away(draw(generator, first).images[first], draw(generator, second).images[second].astype(int)) > 0


def test_steps_are_counted_as_they_are_taken(generator):
    """At half strength half of the steps are taken; at the least one."""
    half, least = row(), row(num_inference_steps=1, strength=0.3)
    assert draw(generator, half).steps[half] == [(1, 2), (2, 2)]
    assert draw(generator, least).images.keys() == {least}


def test_a_variation_needs_no_prompt(generator):
    """The picture alone is enough, and previews show it growing."""
    varied = row("")
    feed = draw(generator, varied, watched=True)
    assert feed.images[varied].shape == (64, 64, 3)
    assert feed.previews[varied]
