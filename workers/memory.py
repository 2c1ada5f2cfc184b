"""What models occupy, and how memory really comes back when one is dropped."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any

# A worker that has only weightless models never imports torch.


def model_bytes() -> int:
    """Measure what all models of this process occupy: on CUDA what PyTorch has allotted, else their tensors."""
    torch = sys.modules.get("torch")
    if torch is None:
        return 0
    if torch.cuda.is_initialized():
        return sum(int(torch.cuda.memory_allocated(index)) for index in range(torch.cuda.device_count()))
    return sum(_storages(torch.Tensor).values())


def give_back() -> None:
    """Return to the device and to the operating system what was dropped but is still held by caches."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def _storages(kind: type[Any]) -> dict[int, int]:
    """Find the live tensors' memory: address and bytes, each once however many tensors share it."""
    storages = [one.untyped_storage() for one in gc.get_objects() if _is(one, kind) and one.device.type == "cpu"]
    return {storage.data_ptr(): storage.nbytes() for storage in storages}


def _is(candidate: Any, kind: type[Any]) -> bool:
    return issubclass(type(candidate), kind)  # by its class: isinstance asks proxies, which may import
