"""Save and load a training state: one safetensors file, replaced atomically, never a pickle.

Tensors are stored by number; the structure around them (dicts, lists, numbers, names) is JSON
in the file's metadata, where `{"tensor": "7"}` stands for tensor 7.
"""

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file


class TrainingStateError(Exception):
    """The saved training state cannot be read."""


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write `state` so that a kill at any moment leaves a whole file at `path`.

    The file it replaces is kept beside it as `*.previous`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, torch.Tensor] = {}
    structure = json.dumps(_pack(state, tensors))
    unfinished = path.with_name(path.name + ".unfinished")
    save_file(tensors, unfinished, metadata={"structure": structure})
    _sync(unfinished)
    _keep_previous(path)
    unfinished.replace(path)
    _sync(path.parent)


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote, with tensors on the CPU.

    Raises:
        FileNotFoundError: there is no such file.
        TrainingStateError: the file is damaged.
    """
    if not path.exists():
        raise FileNotFoundError(f"no training state at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            structure = json.loads(file.metadata()["structure"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        message = f"{path} is damaged; the state before it is {path.name}.previous"
        raise TrainingStateError(message) from error
    state: dict[str, Any] = _unpack(structure, tensors)
    return state


def _pack(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        # A clone, because safetensors refuses tensors that share memory (tied weights).
        tensors[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"tensor": name}
    if isinstance(value, dict):
        # Pairs, because optimizers number their parameters and JSON keys are strings.
        return {"pairs": [[key, _pack(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_pack(item, tensors) for item in value]
    return value


def _unpack(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpack(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    return {key: _unpack(item, tensors) for key, item in value["pairs"]}


def _keep_previous(path: Path) -> None:
    """Link rather than rename, so that `path` exists at every moment."""
    previous = path.with_name(path.name + ".previous")
    if path.exists():
        previous.unlink(missing_ok=True)
        os.link(path, previous)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
