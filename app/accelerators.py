"""What this machine can draw on, as PyTorch, the kernel and the driver say. Takes seconds: it imports PyTorch."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from app.settings import Settings

_DRIVER = Path("/proc/driver/nvidia/version")
_MEMORY = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU that PyTorch sees."""

    name: str
    capability: tuple[int, int]
    free_bytes: int
    total_bytes: int
    has_bfloat16: bool


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine with PyTorch; `cuda` is the version that it was built for, None for a build without."""

    torch: str
    cuda: str | None
    driver: str | None
    gpus: tuple[Gpu, ...]
    kernels: tuple[str, ...]  # `sm_90` and the like: what the build has compiled code for
    cpu_dtype: str  # that `auto` means without a GPU
    free_bytes: int  # of main memory


def look_at_machine() -> Machine:
    """Ask for all of it.

    Raises:
        ImportError: PyTorch is not installed.
    """
    import torch  # noqa: PLC0415 - seconds, and absent on gateways

    from models.devices import choose_dtype  # noqa: PLC0415 - it imports PyTorch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return Machine(
        torch=str(torch.__version__),
        cuda=torch.version.cuda,
        driver=_driver_version(),
        gpus=tuple(_gpu(index) for index in range(count)),
        kernels=tuple(torch.cuda.get_arch_list()),
        cpu_dtype=str(choose_dtype("auto", torch.device("cpu"))).removeprefix("torch."),
        free_bytes=free_memory(_MEMORY, _CGROUP),
    )


def cpu_threads(settings: Settings) -> int:
    """Return with how many threads a worker draws on a CPU."""
    if settings.cpu_threads:
        return settings.cpu_threads
    if (given := os.environ.get("OMP_NUM_THREADS", "")).isdecimal():
        return int(given)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores - 1)


def free_memory(meminfo: Path, cgroup: Path) -> int:
    """Return how many bytes of main memory are free, within the container's limit if there is one."""
    available = re.search(r"MemAvailable:\s+(\d+) kB", meminfo.read_text()) if meminfo.exists() else None
    free = int(available[1]) * 1024 if available else 0
    limit, used = cgroup / "memory.max", cgroup / "memory.current"
    if limit.exists() and (most := limit.read_text().strip()) != "max":
        free = min(free, int(most) - int(used.read_text()))
    return free


def _gpu(index: int) -> Gpu:
    import torch  # noqa: PLC0415 - as above

    free_bytes, total_bytes = torch.cuda.mem_get_info(index)
    with torch.cuda.device(index):
        has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    capability = torch.cuda.get_device_capability(index)
    return Gpu(torch.cuda.get_device_name(index), capability, free_bytes, total_bytes, has_bfloat16)


def _driver_version() -> str | None:
    """Read what NVIDIA's kernel module says of itself; None: it is not loaded."""
    found = re.search(r"Kernel Module\D*([\d.]+)", _DRIVER.read_text()) if _DRIVER.exists() else None
    return found[1] if found else None
