"""What the doctor makes of machines that are not at hand: facts go in, findings come out."""

import os

import pytest

from app.accelerators import Gpu, Machine, cpu_threads, free_memory, look_at_machine
from app.device_findings import device_findings, drawing_gpu
from app.settings import Settings

GIB = 2**30
H100 = Gpu("NVIDIA H100", (9, 0), 70 * GIB, 79 * GIB, has_bfloat16=True)
T4 = Gpu("Tesla T4", (7, 5), 14 * GIB, 15 * GIB, has_bfloat16=False)
KEPLER = Gpu("Tesla K80", (3, 7), 11 * GIB, 12 * GIB, has_bfloat16=False)


def machine(*gpus, cuda="12.8", driver="570.1"):
    """A machine with these GPUs."""
    return Machine("2.13.0", cuda, driver, gpus, ("sm_75", "sm_90a", "sm_120"), "bfloat16", 16 * GIB)


def looked(facts, **settings):
    """The findings, each as its detail and remedy."""
    return [(finding.detail, finding.remedy) for finding in device_findings(facts, Settings(**settings))]


def test_a_sound_gpu():
    """Memory, capability, formats, driver and build are told."""
    ((detail, remedy),) = looked(machine(H100))
    for part in ("70.0 GiB of 79.0 GiB", "capability 9.0", "bfloat16", "driver 570.1", "CUDA 12.8"):
        assert part in detail
    assert remedy == ""


def test_a_machine_without_gpu():
    """Drawing on the CPU is well where nobody asked for more."""
    ((detail, remedy),) = looked(machine(cuda=None, driver=None), cpu_threads=8)
    assert "on the CPU with 8 threads in bfloat16, 16.0 GiB" in detail
    assert remedy == ""


@pytest.mark.parametrize(
    ("facts", "settings", "remedy"),
    [
        (machine(cuda=None), {}, "install PyTorch's build for CUDA"),
        (machine(), {}, "a driver new enough for CUDA 12.8"),
        (machine(driver=None), {"device": "cuda"}, "install NVIDIA's driver"),
        (machine(H100), {"device": "cuda:1"}, "up to cuda:0"),
        (machine(KEPLER), {}, "begins at compute capability 7.5"),
        (machine(T4), {"dtype": "bfloat16"}, "set EASEL_DTYPE=float16"),
        (machine(H100), {"device": "cpu", "dtype": "float16"}, "set EASEL_DTYPE=auto"),
    ],
)
def test_what_is_wrong_has_a_remedy(facts, settings, remedy):
    """Exactly one thing is wrong on each of these machines."""
    (mend,) = [mend for _, mend in looked(facts, **settings) if mend]
    assert remedy in mend


@pytest.mark.parametrize(("device", "gpu"), [("auto", H100), ("cuda:1", T4), ("cuda:2", None), ("cpu", None)])
def test_the_gpu_that_a_worker_takes(device, gpu):
    """As `models.devices` chooses it."""
    assert drawing_gpu(machine(H100, T4), Settings(device=device)) == gpu


def test_a_container_has_its_limit(tmp_path):
    """What the host has free is not all a container may take."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       999 kB\nMemAvailable:    500 kB\n")
    assert free_memory(meminfo, tmp_path) == 500 * 1024
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(meminfo, tmp_path) == 500 * 1024
    (tmp_path / "memory.max").write_text("300000\n")
    (tmp_path / "memory.current").write_text("100000\n")
    assert free_memory(meminfo, tmp_path) == 200_000


def test_threads_leave_a_core_unless_told_otherwise(monkeypatch):
    """A setting counts most, then what PyTorch itself would read, then the cores this process may use, but one."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert cpu_threads(Settings()) == 5
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert cpu_threads(Settings()) == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert cpu_threads(Settings()) == 3
    assert cpu_threads(Settings(cpu_threads=2)) == 2


def test_this_machine():
    """The facts can be had where PyTorch is."""
    pytest.importorskip("torch")
    facts = look_at_machine()
    assert facts.free_bytes > 0
