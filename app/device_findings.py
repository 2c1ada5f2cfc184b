"""What `easel doctor` makes of a machine: will workers draw on the GPU, in which number format, and if not, why not."""

from __future__ import annotations

from collections.abc import Iterator

from app.accelerators import Gpu, Machine, cpu_threads
from app.findings import Finding, memory
from app.settings import Settings


def device_findings(machine: Machine, settings: Settings) -> Iterator[Finding]:
    """Say what workers will draw on here."""
    yield from (_of_gpu(number, gpu, machine) for number, gpu in enumerate(machine.gpus))
    if settings.device == "cpu" or not machine.gpus:
        yield _of_cpu(machine, settings)
    elif drawing_gpu(machine, settings) is None:
        detail = f"EASEL_DEVICE is {settings.device}, but PyTorch sees {len(machine.gpus)} GPUs"
        yield Finding("device", detail, f"set EASEL_DEVICE to auto, or up to cuda:{len(machine.gpus) - 1}")
    yield from _of_dtype(machine, settings)


def drawing_gpu(machine: Machine, settings: Settings) -> Gpu | None:
    """Return the GPU that a worker takes with these settings; None: it draws on the CPU, or nothing."""
    number = int(settings.device.partition(":")[2] or 0)
    return machine.gpus[number] if settings.device != "cpu" and number < len(machine.gpus) else None


def _of_gpu(number: int, gpu: Gpu, machine: Machine) -> Finding:
    major, minor = gpu.capability
    formats = "float16 and bfloat16" if gpu.has_bfloat16 else "float16, no bfloat16"
    detail = (
        f"cuda:{number} {gpu.name}: {memory(gpu.free_bytes)} of {memory(gpu.total_bytes)} free, "
        f"compute capability {major}.{minor}, {formats}; "
        f"driver {machine.driver or 'unknown'}, PyTorch {machine.torch} for CUDA {machine.cuda}"
    )
    oldest = min((int(kernel[3:].rstrip("af")) for kernel in machine.kernels if kernel.startswith("sm_")), default=0)
    too_old = 10 * major + minor < oldest
    remedy = f"this PyTorch begins at compute capability {oldest / 10}: use one built for this GPU" if too_old else ""
    return Finding("device", detail, remedy)


def _of_cpu(machine: Machine, settings: Settings) -> Finding:
    detail = (
        f"workers draw on the CPU with {cpu_threads(settings)} threads in {machine.cpu_dtype}, "
        f"{memory(machine.free_bytes)} of memory free; PyTorch {machine.torch}"
    )
    if settings.device == "cpu":
        return Finding("device", f"EASEL_DEVICE is cpu: {detail}")
    if settings.device == "auto" and machine.driver is None:
        return Finding("device", f"no GPU: {detail}")
    return Finding("device", f"EASEL_DEVICE is {settings.device}, but {_why_no_gpu(machine)}", _remedy(machine))


def _why_no_gpu(machine: Machine) -> str:
    if machine.driver is None:
        return f"no NVIDIA driver is loaded here (PyTorch {machine.torch})"
    if machine.cuda is None:
        return f"PyTorch {machine.torch} is a build without CUDA (driver {machine.driver} is there)"
    return f"PyTorch {machine.torch} for CUDA {machine.cuda} sees no GPU through driver {machine.driver}"


def _remedy(machine: Machine) -> str:
    if machine.driver is None:
        mend = "install NVIDIA's driver, and in a container hand the GPU over (`--gpus all`)"
    elif machine.cuda is None:
        mend = "install PyTorch's build for CUDA, as docker/worker.Dockerfile does"
    else:
        mend = f"use a driver new enough for CUDA {machine.cuda}, and look at CUDA_VISIBLE_DEVICES"
    return f"{mend}; or set EASEL_DEVICE=cpu"


def _of_dtype(machine: Machine, settings: Settings) -> Iterator[Finding]:
    gpu = drawing_gpu(machine, settings)
    if gpu is None and settings.dtype == "float16":
        yield Finding("device", "EASEL_DTYPE is float16, which needs a GPU", "set EASEL_DTYPE=auto")
    if gpu is not None and settings.dtype == "bfloat16" and not gpu.has_bfloat16:
        yield Finding("device", f"EASEL_DTYPE is bfloat16, which {gpu.name} only imitates", "set EASEL_DTYPE=float16")
