"""What is read from a pipeline, and what the catalogue changes about it."""

from types import SimpleNamespace

import pytest
import torch

from models.catalog_entries import Defaults, DiffusersModel, Limits
from models.diffusers_capabilities import Call, StepCallback, read_capabilities
from models.diffusers_loading import PipelineError
from models.interface import Range

ENTRY = DiffusersModel(id="fake", family="diffusers", source="some/where")
Generators = torch.Generator | list[torch.Generator] | None


class FluxLike:
    """Guides by an embedded scale, and by a negative prompt only where asked to."""

    vae_scale_factor = 8
    default_sample_size = 128
    transformer = SimpleNamespace(config=SimpleNamespace(patch_size=1, guidance_embeds=False))

    def _pack_latents(self): ...

    def __call__(
        self,
        prompt=None,
        negative_prompt=None,
        true_cfg_scale: float = 1.0,
        height=None,
        width=None,
        num_inference_steps: int = 28,
        guidance_scale: float = 3.5,
        generator: Generators = None,
        callback_on_step_end=None,
    ): ...


class QwenLike:
    """Guides by the negative prompt, under another name."""

    transformer = None

    def __call__(
        self, prompt=None, negative_prompt=None, true_cfg_scale: float = 4.0, width=None, generator: Generators = None
    ): ...


class AmusedLike:
    """One generator for all images, no size, no way to hear of steps."""

    transformer = SimpleNamespace(config=SimpleNamespace(sample_size=64))

    def __call__(self, prompt=None, num_inference_steps: int = 12, generator: torch.Generator | None = None): ...


class Upscaler:
    """Needs a picture to begin with."""

    def __call__(self, prompt, image, generator: Generators = None): ...


class Seedless:
    """Takes its random numbers from nowhere in particular."""

    def __call__(self, prompt): ...


def test_a_stable_diffusion_is_read(load, stable_diffusion):
    """Defaults are the call's own, the size is the one that the network was trained for."""
    able = load(stable_diffusion).capabilities
    assert able.options["num_inference_steps"].default == 50
    assert able.options["guidance_scale"].default == 7.5
    assert (able.default_size, able.size_multiple) == ((64, 64), 2)
    assert (able.negative_prompt, able.previews, able.cancel) == (True, True, True)


def test_the_catalogue_goes_before_the_pipeline(load, stable_diffusion):
    """A turbo model is told its single step, and then heeds no negative prompt."""
    able = load(
        stable_diffusion,
        max_batch_size=2,
        defaults=Defaults(num_inference_steps=1, guidance_scale=0.0, width=128),
        limits=Limits(side=129, num_inference_steps=4),
    ).capabilities
    assert able.options["num_inference_steps"] == Range(minimum=1, maximum=4, default=1)
    assert (able.default_size, able.max_side, able.max_batch_size) == ((128, 64), 128, 2)
    assert not able.negative_prompt


def test_a_flux_has_neither_scale_nor_negative_prompt():
    """Arguments that the pipeline takes and does not use are not offered."""
    able = read_capabilities(FluxLike(), ENTRY)
    assert set(able.options) == {"num_inference_steps"}
    assert not able.negative_prompt
    assert (able.size_multiple, able.default_size) == (16, (1024, 1024))


def test_true_guidance_goes_under_its_usual_name():
    """The scale that weighs prompt against negative prompt is `guidance_scale`, whatever the pipeline calls it."""
    assert Call(QwenLike()).guidance_argument == "true_cfg_scale"
    able = read_capabilities(QwenLike(), ENTRY)
    assert able.options["guidance_scale"].default == 4.0
    assert able.negative_prompt


def test_one_generator_means_one_image_at_a_time():
    """Images that cannot have seeds of their own cannot share a batch."""
    able = read_capabilities(AmusedLike(), ENTRY)
    assert able.max_batch_size == 1
    assert able.sizes == ((512, 512),)
    assert (able.cancel, able.previews) == (False, False)
    assert Call(AmusedLike()).step_callback is StepCallback.NONE


@pytest.mark.parametrize(
    ("pipeline", "message"), [(Upscaler(), "its call wants image"), (Seedless(), "a seed would mean nothing")]
)
def test_unusable_pipelines_are_refused(pipeline, message):
    """What cannot serve a request by prompt and seed is refused when it is loaded."""
    with pytest.raises(PipelineError, match=message):
        read_capabilities(pipeline, ENTRY)
