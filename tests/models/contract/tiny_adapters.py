"""LoRA adapters for the tiny pipelines, with random weights, saved by the library's own function."""

from pathlib import Path

import torch
from diffusers import DiffusionPipeline
from peft import LoraConfig, get_peft_model_state_dict

ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]


def save_lora(pipeline: Path, folder: Path, *, seed: int = 1, rank: int = 2, alpha: int = 2) -> Path:
    """Save an adapter of a Stable Diffusion's attention layers to the folder and return its file."""
    trained = DiffusionPipeline.from_pretrained(pipeline)
    torch.manual_seed(seed)
    config = LoraConfig(r=rank, lora_alpha=alpha, init_lora_weights="gaussian", target_modules=ATTENTION)
    trained.unet.add_adapter(config)
    for name, weights in trained.unet.named_parameters():
        if "lora_B" in name:  # zero, before training
            torch.nn.init.normal_(weights, std=0.5)
    trained.save_lora_weights(
        folder,
        unet_lora_layers=get_peft_model_state_dict(trained.unet),
        unet_lora_adapter_metadata=config.to_dict() | {"target_modules": ATTENTION},
    )
    return folder / "pytorch_lora_weights.safetensors"
