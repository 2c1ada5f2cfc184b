"""Which files of a repository are taken."""

import pytest
from diffusers.pipelines.pipeline_loading_utils import variant_compatible_siblings

from models.hub import HubError
from models.hub.choice import choose_adapter, choose_pipeline, variant_of

INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "safety_checker": [None, None],
    "requires_safety_checker": False,
}
CONFIGS = ["scheduler/scheduler_config.json", "tokenizer/vocab.json", "tokenizer/merges.txt", "unet/config.json"]
PLAIN = [
    "text_encoder/model-00001-of-00002.safetensors",
    "text_encoder/model-00002-of-00002.safetensors",
    "text_encoder/model.safetensors.index.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
]
HALF = ["text_encoder/model.fp16.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors"]
OTHERS = [
    ".gitattributes",
    "sd_turbo.safetensors",  # the same weights in one file
    "text_encoder/pytorch_model.bin",
    "unet/diffusion_pytorch_model.non_ema.safetensors",
    "unet/model.py",
    "safety_checker/model.safetensors",
    "unet/../../outside.json",
    "onnx/model.onnx",
]
TERMS = ["LICENSE.md", "README.md"]


def test_components_and_terms_are_taken():
    """What the index names is taken, with the licence; foreign code, pickles and doubles are not."""
    chosen = choose_pipeline([*CONFIGS, *PLAIN, *HALF, *OTHERS, *TERMS, "model_index.json"], INDEX, None)
    assert chosen == sorted([*CONFIGS, *PLAIN, *TERMS, "model_index.json"])


@pytest.mark.parametrize("variant", [None, "fp16"])
def test_weights_are_those_that_diffusers_would_take(variant):
    """Of several variants, the choice is the library's own: components without the variant come plain."""
    paths = [*CONFIGS, *PLAIN, *HALF]
    theirs, _ = variant_compatible_siblings(paths, variant=variant, ignore_patterns=["*.bin"])
    ours = [path for path in choose_pipeline(paths, INDEX, variant) if path.endswith(".safetensors")]
    assert set(ours) == {path for path in theirs if path.endswith(".safetensors")}


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("unet/model.safetensors", None),
        ("model.fp16-00001-of-00002.safetensors", "fp16"),
        ("model-00001-of-00002.fp16.safetensors", "fp16"),
        ("model.fp16.json", None),
    ],
)
def test_a_variant_is_read_from_a_name(name, variant):
    """Both places in which shards carry their variant are known."""
    assert variant_of(name) == variant


@pytest.mark.parametrize(
    ("paths", "index", "variant", "message"),
    [
        (["unet/x.bin"], INDEX, None, r"unet has weights as pickles only \(unet/x\.bin\).*name a revision"),
        (HALF, INDEX, None, "text_encoder has weights in variants only: fp16; name one with --variant"),
        (PLAIN, INDEX, "fp16", "no weights of the variant 'fp16'; there are: none"),
        (PLAIN, INDEX | {"_class_name": ["pipeline", "Own"]}, None, "brings code of its own, which is never run"),
    ],
)
def test_what_cannot_be_loaded_is_refused(paths, index, variant, message):
    """A pipeline that the worker would refuse is not fetched first."""
    with pytest.raises(HubError, match=message):
        choose_pipeline(paths, index, variant)


def test_an_adapter_is_its_weights_and_terms():
    """A repository without a pipeline is taken for an adapter's."""
    paths = ["style.safetensors", "README.md", "optimizer.pt", "samples/1.png", "checkpoint/style.safetensors"]
    assert choose_adapter(paths) == ["README.md", "style.safetensors"]
    with pytest.raises(HubError, match="neither a diffusers pipeline"):
        choose_adapter(["pytorch_lora_weights.bin"])
