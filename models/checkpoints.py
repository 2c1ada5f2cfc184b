"""Networks on disk: one safetensors file in half precision beside the config that rebuilds it.

Loading is strict: every tensor must be there, none may be left over, and every size must fit.
Nothing is unpickled.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

WEIGHTS = "model.safetensors"
CONFIG = "config.json"

NetworkT = TypeVar("NetworkT", bound=nn.Module)


class CheckpointError(Exception):
    """A checkpoint is missing, damaged, or made for other code; the message names the file."""


def save_network(network: nn.Module, config: Any, folder: Path) -> None:
    """Write ``network`` as fp16 weights and its dataclass ``config`` as JSON to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: _stored(tensor) for name, tensor in network.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    values = json.dumps(dataclasses.asdict(config), indent=2)
    (folder / CONFIG).write_text(values + "\n", encoding="utf-8")


def load_network(kind: type[NetworkT], config_kind: type[Any], folder: Path) -> NetworkT:
    """Rebuild the ``kind`` of network saved in ``folder``, in float32, ready for inference.

    Raises:
        CheckpointError: a file is missing or damaged, or does not fit the network.
    """
    config = _read_config(config_kind, folder / CONFIG)
    network = kind(config)
    try:
        weights = load_file(folder / WEIGHTS)
        network.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{folder / WEIGHTS}: {error}") from error
    return network.eval().requires_grad_(requires_grad=False)


def _stored(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to("cpu", torch.float16).contiguous()


def _read_config(kind: type[Any], path: Path) -> Any:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        lists_as_tuples = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return kind(**lists_as_tuples)
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: {error}") from error
