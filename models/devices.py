"""Where networks run and in which number format: what `auto` means on this machine."""

from __future__ import annotations

import torch

CUDA_DTYPE = torch.float16


class DeviceError(Exception):
    """The device that was asked for is not there."""


def choose_device(name: str) -> torch.device:
    """Turn `auto`, `cpu`, `cuda` or `cuda:N` into a device; `auto` takes a GPU where there is one.

    Raises:
        DeviceError: no such device on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"device {name!r} is none of auto, cpu, cuda, cuda:N") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(f"device {name!r} was asked for, but PyTorch sees {torch.cuda.device_count()} CUDA devices")
    return device


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """Turn `auto` or a dtype's name into a dtype: float16 on CUDA, on a CPU the faster of bfloat16 and float32.

    Raises:
        DeviceError: float16 on a CPU, where matrix products in it take about a thousand times longer.
    """
    if name == "auto":
        return CUDA_DTYPE if device.type == "cuda" else _cpu_dtype()
    if name == "float16" and device.type == "cpu":
        raise DeviceError("dtype 'float16' needs a GPU: use auto, bfloat16 or float32 on a CPU")
    return {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}[name]


def _cpu_dtype() -> torch.dtype:
    """Decide by what the CPU has, not by a stopwatch, so that a seed's image survives a restart.

    With AVX512-BF16 (EPYC 9004, one thread) bfloat16 took a fifth of float32's time for a (512, 320) by (320, 1280)
    product, and a quarter for a 3x3 convolution of 128 channels; without such instructions it is emulated.
    """
    has = torch.cpu.get_capabilities()
    return torch.bfloat16 if has.get("avx512_bf16") or has.get("amx_bf16") else torch.float32
