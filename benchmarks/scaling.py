"""How far one Redis carries: workers side by side, a long queue behind each submit, and what a job weighs.

Usage: python -m benchmarks.scaling [--workers 1 2 4 8] [--batch-seconds 0.5] [--long-queue 100000]

Workers are processes whose generator takes a set time for a batch of eight and no processor, so what is measured is
whether the queue lets them work side by side.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import redis

from app.jobs import JobQueue
from app.messages import JobMessage
from app.redis_connections import async_redis
from app.settings import Settings
from benchmarks.easel_service import describe_machine
from models.interface import GenerationRequest
from tests.processes import RedisServer, WorkerProcess

BATCH = 8
BATCHES_PER_WORKER = 24
SAMPLES = 300
AT_ONCE = 24


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--batch-seconds", type=float, default=0.5)
    parser.add_argument("--long-queue", type=int, default=100_000)
    wanted = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory(prefix="easel-scaling-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            settings = Settings(
                redis_url=server.url,
                data_dir=Path(folder),
                redis_timeout_seconds=30,
                max_queue_length=10 * wanted.long_queue,
            )
            print_scaling(settings, Path(folder), wanted.workers, wanted.batch_seconds)
            with redis.Redis.from_url(server.url) as client:
                client.flushall()
                asyncio.run(print_submits(settings, client, wanted.long_queue))
        finally:
            server.kill()


def print_scaling(settings: Settings, folder: Path, counts: Sequence[int], batch_seconds: float) -> None:
    """Print jobs per second by number of workers, beside so many times that of the first."""
    print(f"\nbatches of {BATCH} that take {batch_seconds} s\n| workers | jobs/s | of linear |\n|---|---|---|")
    rates: dict[int, float] = {}
    for count in counts:
        started = [
            WorkerProcess(settings, folder / f"worker-{count}-{index}.log", {"TEST_SECONDS": str(batch_seconds)})
            for index in range(count)
        ]
        for worker in started:
            worker.until_ready()
        rates[count] = asyncio.run(jobs_per_second(settings, count * BATCHES_PER_WORKER * BATCH))
        for worker in started:
            worker.stop()
        linear = count * rates[counts[0]] / counts[0]
        print(f"| {count} | {rates[count]:.1f} | {rates[count] / linear:.3f} |", flush=True)


async def jobs_per_second(settings: Settings, count: int) -> float:
    """Queue so many jobs and return how many ended per second between the first end and the last."""
    async with async_redis(settings) as client:
        queue = JobQueue(client, settings)
        jobs = [await queue.submit(message(seed), batch_key="", cost=1) for seed in range(count)]
        ended = [await queue.wait(job.id, 600) for job in jobs]
        await queue.close()
    times = sorted(job.finished_at.timestamp() for job in ended if job.finished_at)
    return (len(times) - BATCH) / (times[-1] - times[0])


async def print_submits(settings: Settings, client: redis.Redis, long_queue: int) -> None:
    """Print how long a submit takes on an empty and on a long queue, how many fit in a second, and a job's bytes."""
    async with async_redis(settings) as connection:
        queue = JobQueue(connection, settings)
        empty = await submit_times(queue)
        before, started = client.info("memory")["used_memory"], time.monotonic()
        await submit_many(queue, long_queue)
        rate = long_queue / (time.monotonic() - started)
        weight = (client.info("memory")["used_memory"] - before) / long_queue
        full = await submit_times(queue)
        await queue.close()
    for name, times in (("empty queue", empty), (f"{long_queue:,} queued", full)):
        print(f"submit, {name}: p50 {1000 * statistics.median(times):.2f} ms, p95 {1000 * percentile(times):.2f} ms")
    print(f"ratio of the medians {statistics.median(full) / statistics.median(empty):.2f}")
    print(f"one client process, {AT_ONCE} submits at once: {rate:.0f} submits/s; a queued job takes {weight:.0f} bytes")


async def submit_times(queue: JobQueue) -> list[float]:
    """Submit one job after the other and return how long each took, in seconds."""
    times = []
    for seed in range(SAMPLES):
        started = time.perf_counter()
        await queue.submit(message(seed), batch_key="", cost=1)
        times.append(time.perf_counter() - started)
    return times


async def submit_many(queue: JobQueue, count: int) -> None:
    """Submit from several tasks at once."""

    async def some(first: int) -> None:
        for seed in range(first, count, AT_ONCE):
            await queue.submit(message(seed), batch_key="", cost=1)

    await asyncio.gather(*(some(first) for first in range(AT_ONCE)))


def message(seed: int) -> JobMessage:
    """A job like any other."""
    request = GenerationRequest(prompt="a red fox in the snow", width=128, height=128, seed=seed)
    return JobMessage(model="card", request=request)


def percentile(times: Sequence[float], share: float = 0.95) -> float:
    """Return the value that this share of the times does not exceed."""
    return sorted(times)[round(share * (len(times) - 1))]


if __name__ == "__main__":
    main()
