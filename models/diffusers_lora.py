"""LoRA adapters: low-rank changes to a pipeline's networks (Hu et al. 2021, https://arxiv.org/abs/2106.09685).

diffusers drops layers that fit nowhere, with a line in its log; here each of them must find its place.
"""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
from safetensors import SafetensorError, safe_open

from models.catalog_entries import Adapter
from models.diffusers_loading import PipelineError
from models.hub import HubError
from models.hub.cache import cached_file
from models.hub.checksums import sha256_of

_LAYER = re.compile(r"(lora_A|lora_down|lora\.down|lora_linear_layer\.down)(\.default)?\.weight$")


@dataclass(frozen=True, slots=True)
class LoadedAdapter:
    """An adapter in a pipeline: a name that follows from its weights, and how much of it is added."""

    name: str
    scale: float


def load_adapter(pipeline: Any, adapter: Adapter) -> LoadedAdapter:
    """Add the adapter's layers to the pipeline's networks, unless the same weights are there already.

    Raises:
        PipelineError: the file is missing, is no safetensors file, no LoRA adapter, or one for another pipeline.
    """
    path = _find(adapter)
    loaded = LoadedAdapter(f"lora_{sha256_of(path)[:16]}", adapter.scale)
    if not _num_places(pipeline, loaded.name):
        _add(pipeline, path, loaded.name)
    return loaded


def _find(adapter: Adapter) -> Path:
    if adapter.file is None:
        try:
            return cached_file(adapter.source, adapter.weight_name, adapter.revision)
        except HubError as error:
            raise PipelineError(f"{error}; `easel models pull {adapter.source}` makes a folder of it") from error
    if not adapter.file.is_file():
        raise PipelineError(f"there is no file {adapter.file}")
    return adapter.file


def _add(pipeline: Any, path: Path, name: str) -> None:
    """Load all layers of the file or none."""
    kind, num_layers = type(pipeline).__name__, _num_layers(path)
    if not hasattr(pipeline, "load_lora_weights"):
        raise PipelineError(f"a {kind} takes no LoRA adapters")
    with _without_their_log():
        try:
            pipeline.load_lora_weights(str(path), adapter_name=name, use_safetensors=True)
        except (OSError, ValueError, RuntimeError, LookupError) as error:
            _remove(pipeline, name)
            raise PipelineError(f"{path} does not fit a {kind}: {_beginning(error)}") from error
        if (num_places := _num_places(pipeline, name)) < num_layers:
            _remove(pipeline, name)
            raise PipelineError(f"{path} does not fit a {kind}: it has a place for {num_places} of {num_layers} layers")


def _num_layers(path: Path) -> int:
    """Count the layers in the file's header."""
    try:
        with safe_open(path, "pt") as file:
            num_layers = sum(_LAYER.search(key) is not None for key in file.keys())  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise PipelineError(f"{path} is no safetensors file, and no other is opened: {error}") from error
    if not num_layers:
        raise PipelineError(f"{path} is no LoRA adapter: it has no such layers")
    return num_layers


def _num_places(pipeline: Any, name: str) -> int:
    """Count the layers of this name in the pipeline's networks."""
    networks = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]
    return sum(name in getattr(module, "lora_A", ()) for network in networks for module in network.modules())


def _remove(pipeline: Any, name: str) -> None:
    if _num_places(pipeline, name):
        pipeline.delete_adapters(name)


@contextlib.contextmanager
def _without_their_log() -> Iterator[None]:
    """Keep what diffusers and peft say of missing and doubled parts to ourselves: layers are counted instead."""
    verbosity = diffusers.utils.logging.get_verbosity()
    diffusers.utils.logging.set_verbosity(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module="peft")
            yield
    finally:
        diffusers.utils.logging.set_verbosity(verbosity)


def _beginning(error: Exception) -> str:
    """Return as much of a message as a line holds; there may be one line for each layer."""
    return " ".join(" ".join(str(error).split("\n")[:2]).split())
