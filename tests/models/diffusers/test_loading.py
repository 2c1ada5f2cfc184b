"""What a worker loads, what it refuses, and how it says what to do."""

import json
import subprocess
import sys

import pytest
import torch
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel
from safetensors.torch import load_file, save_file

from models.diffusers_loading import PipelineError

WEIGHTS = "diffusion_pytorch_model.safetensors"

UNREACHABLE_HUB = """
import torch
from models.catalog_entries import DiffusersModel
from models.diffusers_adapter import DiffusersGenerator
entry = DiffusersModel(id="turbo", family="diffusers", source="stabilityai/sd-turbo", revision="main")
DiffusersGenerator.from_entry(entry, device=torch.device("cpu"), dtype=torch.float32)
"""


def test_a_folder_is_loaded_and_described(load, stable_diffusion):
    """An operator sees where the model runs, in which numbers, and how large it is."""
    description = load(stable_diffusion).description
    assert description["device"] == "cpu"
    assert description["dtype"] == "float32"
    assert int(description["parameters"]) > 10_000


def test_other_weights_are_another_revision(load, own_copy):
    """A seed's image is promised for one set of weights only."""
    before = load(own_copy).revision
    path = own_copy / "unet" / WEIGHTS
    weights = load_file(path)
    name = max(weights)
    save_file(weights | {name: weights[name] + 1}, path, metadata={"format": "pt"})
    assert load(own_copy).revision != before


def test_pickled_weights_are_refused(load, own_copy):
    """Opening a pickle could run foreign code, so it stays closed, and the message says what would do."""
    path = own_copy / "unet" / WEIGHTS
    torch.save(load_file(path), own_copy / "unet" / "diffusion_pytorch_model.bin")
    path.unlink()
    with pytest.raises(PipelineError, match=r"unet/diffusion_pytorch_model\.bin.*Name a `revision` with safetensors"):
        load(own_copy)


def test_code_beside_the_weights_is_never_run(load, own_copy):
    """A pipeline that brings its own class is refused before that class is imported."""
    index = own_copy / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"_class_name": ["intruder", "Intruder"]}))
    (own_copy / "intruder.py").write_text(f"open({str(own_copy / 'was-here')!r}, 'w').close()\nclass Intruder: ...\n")
    with pytest.raises(PipelineError, match="trust_remote_code"):
        load(own_copy)
    assert not (own_copy / "was-here").exists()


def test_a_folder_without_a_pipeline_is_named(load, tmp_path):
    """A wrong `source` is found out with its full path."""
    with pytest.raises(PipelineError, match=f"tiny: {tmp_path} is no folder with a diffusers pipeline"):
        load(tmp_path)


def test_a_missing_variant_is_named(load, stable_diffusion):
    """A `variant` without files is not replaced by another."""
    with pytest.raises(PipelineError, match="variant=fp16"):
        load(stable_diffusion, variant="fp16")


def test_damaged_weights_are_an_error(load, own_copy):
    """Half a file does not become half a model."""
    path = own_copy / "unet" / WEIGHTS
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(PipelineError, match="cannot be loaded"):
        load(own_copy)


def test_a_pipeline_without_prompts_is_refused(load, tmp_path):
    """Only text-to-image pipelines can serve requests."""
    blocks = {"down_block_types": ("DownBlock2D",), "up_block_types": ("UpBlock2D",), "block_out_channels": (4,)}
    network = UNet2DModel(sample_size=8, norm_num_groups=2, layers_per_block=1, attention_head_dim=2, **blocks)
    DDPMPipeline(network, DDPMScheduler()).save_pretrained(tmp_path)
    with pytest.raises(PipelineError, match="DDPMPipeline is no text-to-image pipeline"):
        load(tmp_path)


def test_an_unreachable_hub_is_explained(tmp_path):
    """Without a network, the message names the command that fetches the model elsewhere."""
    environment = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    result = subprocess.run(
        [sys.executable, "-c", UNREACHABLE_HUB], env=environment, capture_output=True, text=True, check=False
    )
    assert "`easel models pull stabilityai/sd-turbo@main`" in result.stderr.splitlines()[-1]
