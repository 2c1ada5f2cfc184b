"""Beyond the contract: safety checkers, and words that a pipeline will not read."""

import numpy as np
import pytest
import torch

from models.catalog_entries import Defaults
from models.interface import ContentRefused, GenerationRequest, Row
from tests.models.contract.recording_feed import RecordingFeed


class Features(dict):
    """What a feature extractor returns; `clip_input` is one number for each image."""

    def to(self, _device):
        """Stay where it is."""
        return self

    @property
    def pixel_values(self):
        """The features."""
        return self["pixel_values"]


def extract(images, return_tensors):
    assert return_tensors == "pt"
    return Features(pixel_values=torch.zeros(len(images)))


def refuse_first(images, clip_input):
    """Blacken the first image, as Stable Diffusion's own checker does."""
    images[0] = 0
    return images, [n == 0 for n in range(len(clip_input))]


def rows(*prompts, **options):
    requests = [
        GenerationRequest(prompt=prompt, width=64, height=64, seed=1, **{"num_inference_steps": 2} | options)
        for prompt in prompts
    ]
    return [Row(request, 0, request.prompt) for request in requests]


@pytest.fixture(scope="module")
def generator(stable_diffusion):
    from models.catalog_entries import DiffusersModel  # noqa: PLC0415
    from models.diffusers_adapter import DiffusersGenerator  # noqa: PLC0415

    entry = DiffusersModel(id="tiny", family="diffusers", source=str(stable_diffusion))
    return DiffusersGenerator.from_entry(entry, device=torch.device("cpu"), dtype=torch.float32)


def test_a_flagged_picture_fails_alone(load, own_copy):
    """A safety checker's black picture is an error of its own row, never a result; its mates get theirs."""
    generator = load(own_copy)
    generator._pipeline.safety_checker, generator._pipeline.feature_extractor = refuse_first, extract
    flagged, fine = rows("flagged", "fine")
    feed = RecordingFeed()
    with pytest.raises(ContentRefused):
        generator.generate([flagged, fine], feed)
    assert set(feed.images) == {fine}
    assert feed.images[fine].any()


def test_a_negative_prompt_without_effect_is_told(generator):
    """At a guidance scale of 1 the negative prompt is not looked at, and the user hears of it."""
    (row,) = rows("a house", negative_prompt="pink", guidance_scale=1.0)
    feed = RecordingFeed()
    generator.generate([row], feed)
    assert feed.warnings[row] == ["negative_prompt has no effect at a guidance_scale of 1.0 or less"]


def test_a_prompt_that_is_too_long_is_told(generator):
    """The user hears that the end of the prompt was not read."""
    (row,) = rows("pink " * 40)
    feed = RecordingFeed()
    generator.generate([row], feed)
    assert feed.warnings[row] == ["the model reads 77 tokens of a prompt; this one has 162"]


def test_defaults_of_the_catalogue_are_used(load, stable_diffusion, generator):
    """A request that names no steps gets the catalogue's."""
    quick = load(stable_diffusion, defaults=Defaults(num_inference_steps=2, guidance_scale=3.0))
    (unsaid,), (said,) = rows("a", num_inference_steps=None), rows("a", guidance_scale=3.0)
    first, second = RecordingFeed(), RecordingFeed()
    quick.generate([unsaid], first)
    generator.generate([said], second)
    assert np.array_equal(first.images[unsaid], second.images[said])
