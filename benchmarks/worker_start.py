"""How long a worker takes from its start to the first image, and what it occupies: each bundled model, cold and warm.

Usage: python -m benchmarks.worker_start [--models easel-transformer easel-gan card]

A job waits in a real Redis before the worker is started; times are counted from the start of the process, so they hold
Python, PyTorch, the weights, one picture to warm up, registration, and the job's own picture (128 by 128) with its way
into storage. Cold means that the kernel's cache of files was dropped just before: as root all of it, else what
packages and weights have there. `read` is what then really came from the disk. A worker is idle, with its one model
loaded, when its memory is read; the gateway, when it has answered. A gateway that occupies too much ends with code 1.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis

from app.announcements import ANNOUNCEMENT_FIELD
from app.jobs import JobQueue
from app.messages import JobMessage
from app.redis_connections import async_redis
from app.settings import Settings
from benchmarks.easel_service import describe_machine
from models.catalog_entries import WEIGHTS
from models.interface import GenerationRequest
from tests.processes import ROOT, GatewayProcess, RedisServer, environment_of, free_port, wait_until

FAMILIES = {"easel-transformer": "transformer", "easel-gan": "gan", "card": "testcard"}
LONGEST_SECONDS = 300
GATEWAY_MIB = 150
SETTLED_SECONDS = 2.0  # after its picture a worker is idle
DROP_CACHES = Path("/proc/sys/vm/drop_caches")


@dataclass(frozen=True)
class Start:
    """What one start took."""

    ready_seconds: float
    image_seconds: float
    resident_mib: float
    read_mib: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    wanted = parser.parse_args()
    print(describe_machine())
    print("\n| model | start | ready | first image | read | worker, idle |\n|---|---|---|---|---|---|")
    for model in wanted.models:
        for kind in ("cold", "warm"):
            if kind == "cold":
                drop_file_cache()
            print(row(model, kind, measured(model)), flush=True)
    occupied = gateway_mib()
    print(f"\ngateway, idle: {occupied:.0f} MiB of {GATEWAY_MIB} allowed; load at the end {os.getloadavg()[0]:.1f}")
    sys.exit(occupied > GATEWAY_MIB)


def row(model: str, kind: str, start: Start) -> str:
    """Write a line of the table."""
    times = f"{start.ready_seconds:.1f} s | {start.image_seconds:.1f} s"
    return f"| `{model}` | {kind} | {times} | {start.read_mib:.0f} MiB | {start.resident_mib:.0f} MiB |"


def measured(model: str) -> Start:
    """Start a worker with this model alone, behind a job that waits for it."""
    with service(model) as settings:
        return asyncio.run(start_worker(settings, model))


async def start_worker(settings: Settings, model: str) -> Start:
    """Take the times of one worker process."""
    async with async_redis(settings) as client:
        queue = JobQueue(client, settings)
        request = GenerationRequest(prompt="a red house", width=128, height=128, seed=1)
        job = await queue.submit(JobMessage(model=model, request=request), batch_key="", cost=1)
        started = time.perf_counter()
        with running_worker(settings) as process:
            await asyncio.to_thread(wait_until, lambda: is_announced(settings.redis_url), LONGEST_SECONDS)
            ready = time.perf_counter() - started
            ended = await queue.wait(job.id, LONGEST_SECONDS)
            image = time.perf_counter() - started
            if ended.outcome is None or not ended.outcome.images:
                raise RuntimeError(f"no image: {ended.outcome}")
            await asyncio.sleep(SETTLED_SECONDS)
            seen = psutil.Process(process.pid)
            resident, read = seen.memory_info().rss / 2**20, seen.io_counters().read_bytes / 2**20
        await queue.close()
    return Start(ready, image, resident, read)


@contextlib.contextmanager
def running_worker(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process as `easel worker` becomes one."""
    with (settings.data_dir / "worker.log").open("w") as log:
        environment = os.environ | environment_of(settings)
        command = [sys.executable, "-m", "workers"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def service(model: str) -> Iterator[Settings]:
    """A Redis and a list with one model, in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="easel-start-") as name:
        folder = Path(name)
        models = folder / "models.toml"
        models.write_text(f'default = "{model}"\n[models.{model}]\nfamily = "{FAMILIES[model]}"\n')
        server = RedisServer(folder)
        server.start()
        try:
            yield Settings(redis_url=server.url, data_dir=folder, models_file=models, port=free_port())
        finally:
            server.kill()


def is_announced(redis_url: str) -> bool:
    """Whether a worker has registered and said what it serves."""
    with redis.Redis.from_url(redis_url) as client:
        return any(client.hexists(key, ANNOUNCEMENT_FIELD) for key in client.smembers("rq:workers"))


def gateway_mib() -> float:
    """Start a gateway and return what it occupies when it has answered."""
    with service("card") as settings:
        gateway = GatewayProcess(settings, settings.data_dir / "gateway.log", {})
        try:
            gateway.until_ready()
            time.sleep(SETTLED_SECONDS)
            return float(psutil.Process(gateway.process.pid).memory_info().rss / 2**20)
        finally:
            gateway.process.terminate()
            gateway.process.wait()


def drop_file_cache() -> None:
    """Have the kernel forget the contents of files: of all, or where that is not allowed, of packages and weights."""
    os.sync()
    try:
        DROP_CACHES.write_text("1\n")
    except OSError:
        forget([Path(folder) for folder in sys.path if folder.endswith("site-packages")] + [WEIGHTS])


def forget(folders: Sequence[Path]) -> None:
    """Advise the kernel that nobody needs these files; those that other processes have mapped stay."""
    for file in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        with contextlib.suppress(OSError), file.open("rb") as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()
