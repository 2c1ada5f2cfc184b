"""What the queue costs: jobs per second and round trips against RQ's SimpleWorker, delays, and long queues.

Usage: python -m benchmarks.batched_queue [--jobs 2000] [--long-queue 100000]

Everything runs in this process, on a Redis of its own. But for one measurement the generator takes no time and
images lie in memory, so what is measured is the queue alone; images are still encoded and marked.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import redis
import structlog
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from app.jobs import JobQueue
from app.messages import JobMessage
from app.metrics import new_registry
from app.redis_connections import async_redis
from app.settings import Settings
from app.storage.files import FileStore
from models.interface import Capabilities, Feed, GenerationRequest, Row
from tests.fakes import served
from tests.processes import RedisServer
from workers.claims import Claims
from workers.metrics import WorkerMetrics
from workers.worker import BatchWorker

MODEL = "idle"


class CountingConnection(redis.connection.UnixDomainSocketConnection):
    """Counts what it sends: one round trip each."""

    sent = 0

    def send_packed_command(self, command: object, check_health: bool = True) -> None:
        """Count and send."""
        CountingConnection.sent += 1
        super().send_packed_command(command, check_health)


class InstantGenerator:
    """Draws grey squares and notes when."""

    revision = "instant-1"
    description = {"device": "none", "dtype": "uint8"}  # noqa: RUF012 - never changed

    def __init__(self, max_batch_size: int, seconds: float = 0.0) -> None:
        self.capabilities = Capabilities(max_batch_size=max_batch_size, options={})
        self.spans: list[tuple[float, float]] = []
        self._seconds = seconds

    def generate(self, rows: Sequence[Row], feed: Feed) -> None:
        """Draw all rows."""
        started = time.time()
        time.sleep(self._seconds)
        for row in rows:
            feed.done(row, np.full((8, 8, 3), 128, np.uint8))
        self.spans.append((started, time.time()))


class MemoryStore:
    """Keeps objects in a dictionary."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, key: str, data: bytes, content_type: str, *, kept_seconds: int | None = None) -> None:
        """Keep the object."""
        del content_type, kept_seconds
        self.objects[key] = data


def do_nothing(message: dict[str, object]) -> dict[str, object]:
    """Stand in for the job that RQ's SimpleWorker runs."""
    return message


def message() -> JobMessage:
    """Make a job's message."""
    return JobMessage(model=MODEL, request=GenerationRequest(prompt="a fox", width=8, height=8, seed=1))


def counting_client(server: RedisServer) -> redis.Redis:
    """Connect through counting connections."""
    pool = redis.ConnectionPool(connection_class=CountingConnection, path=str(server.socket), socket_timeout=5)
    return redis.Redis(connection_pool=pool)


def batch_worker(settings: Settings, client: redis.Redis, generator: InstantGenerator) -> BatchWorker:
    """Make a worker of this process."""
    metrics = WorkerMetrics(new_registry())
    return BatchWorker(settings, client, served({MODEL: generator}, metrics), MemoryStore(), metrics)


async def submit_many(settings: Settings, count: int) -> None:
    """Queue jobs as a gateway does, 50 at a time."""
    async with async_redis(settings) as client:
        queue = JobQueue(client, settings)
        limit = asyncio.Semaphore(50)

        async def submit() -> None:
            async with limit:
                await queue.submit(message(), batch_key="8x8", cost=1.0)

        await asyncio.gather(*(submit() for _ in range(count)))
        await queue.close()


def measure_simple_worker(server: RedisServer, count: int) -> tuple[float, float]:
    """Return jobs/s and round trips per job of RQ's own in-process worker."""
    client = counting_client(server)
    client.flushall()
    queue = Queue("stock", connection=client, serializer=JSONSerializer)
    for _ in range(count):
        queue.enqueue("benchmarks.batched_queue.do_nothing", message().model_dump(mode="json"))
    worker = SimpleWorker([queue], connection=client, serializer=JSONSerializer)
    CountingConnection.sent, started = 0, time.perf_counter()
    worker.work(burst=True, logging_level="ERROR")
    return count / (time.perf_counter() - started), CountingConnection.sent / count


def measure_batches(settings: Settings, server: RedisServer, count: int, size: int) -> tuple[float, float, float]:
    """Return jobs/s, round trips per job, and the generator's p95 idle seconds between batches."""
    client = counting_client(server)
    client.flushall()
    asyncio.run(submit_many(settings, count))
    generator = InstantGenerator(size)
    worker = batch_worker(settings, client, generator)
    CountingConnection.sent, started = 0, time.perf_counter()
    worker.work(burst=True, logging_level="ERROR")
    seconds = time.perf_counter() - started
    if failed := client.zcard(f"rq:failed:{MODEL}"):
        raise SystemExit(f"{failed} of {count} jobs failed")
    gaps = [after[0] - before[1] for before, after in zip(generator.spans, generator.spans[1:], strict=False)]
    return count / seconds, CountingConnection.sent / count, percentile(gaps, 0.95)


def measure_delays(settings: Settings, server: RedisServer, count: int) -> list[float]:
    """Return the seconds from submit to the start of generation, jobs coming one by one to an idle worker."""
    client = counting_client(server)
    client.flushall()
    generator = InstantGenerator(8)
    worker = batch_worker(settings, client, generator)
    submitted: list[float] = []

    async def trickle() -> None:
        async with async_redis(settings) as gateway:
            queue = JobQueue(gateway, settings)
            await asyncio.sleep(0.5)
            for _ in range(count):
                submitted.append(time.time())
                job = await queue.submit(message(), batch_key="8x8", cost=1.0)
                await queue.wait(job.id, 10)
                await asyncio.sleep(0.03)
            await queue.close()
        os.kill(os.getpid(), signal.SIGTERM)

    # The worker needs the main thread, for its signals.
    stopper = threading.Thread(target=lambda: asyncio.run(trickle()))
    stopper.start()
    worker.work(logging_level="ERROR")
    stopper.join()
    return [span[0] - at for span, at in zip(generator.spans, submitted, strict=True)]


def measure_saturated(settings: Settings, server: RedisServer, num_batches: int, batch_seconds: float) -> float:
    """Return the share of its time that the generator is busy while full batches wait and images go to files."""
    client = counting_client(server)
    client.flushall()
    asyncio.run(submit_many(settings, 8 * num_batches))
    generator = InstantGenerator(8, batch_seconds)
    store = FileStore.open(settings.data_dir, None)
    metrics = WorkerMetrics(new_registry())
    worker = BatchWorker(settings, client, served({MODEL: generator}, metrics), store, metrics)
    worker.work(burst=True, logging_level="ERROR")
    return num_batches * batch_seconds / (generator.spans[-1][1] - generator.spans[0][0])


def measure_long_queue(settings: Settings, server: RedisServer, length: int) -> float:
    """Return the median seconds of a claim of eight while `length` jobs wait, seen from the worker."""
    client = counting_client(server)
    client.flushall()
    asyncio.run(submit_many(settings.model_copy(update={"max_queue_length": 2 * length}), length))
    worker = SimpleWorker([MODEL], connection=client, serializer=JSONSerializer, name="one")
    worker.register_birth()
    claims = Claims(client, "one", 3600)
    seconds = []
    for _ in range(100):
        started = time.perf_counter()
        assert len(claims.claim({MODEL: 8}, max_wait_seconds=0).jobs) == 8  # noqa: S101
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    """Run every measurement and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--long-queue", type=int, default=100_000)
    options = parser.parse_args()
    logging.disable(logging.INFO)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="easel-bench-", ignore_cleanup_errors=True) as folder:
        server = RedisServer(Path(folder))
        server.start()
        settings = Settings(
            redis_url=server.url, data_dir=Path(folder), max_queue_length=200_000, redis_timeout_seconds=30
        )
        try:
            measure_all(settings, server, options.jobs, options.long_queue)
        finally:
            server.kill()


def measure_all(settings: Settings, server: RedisServer, jobs: int, long_queue: int) -> None:
    """Print one line for each measurement."""
    stock, trips = measure_simple_worker(server, jobs // 2)
    print(f"RQ SimpleWorker      {stock:7.0f} jobs/s  {trips:5.2f} round trips per job")
    for size in (1, 8, 32):
        speed, trips, idle = measure_batches(settings, server, jobs, size)
        print(
            f"batches of {size:<2}        {speed:7.0f} jobs/s  {trips:5.2f} round trips per job  "
            f"{speed / stock:4.1f} x  idle between batches p95 {1000 * idle:.1f} ms"
        )
    for wait in (0.0, 0.02):
        delays = measure_delays(settings.model_copy(update={"max_wait_seconds": wait}), server, 200)
        print(
            f"max_wait {1000 * wait:2.0f} ms: submit to start p50 {1000 * percentile(delays, 0.5):.1f} ms, "
            f"p95 {1000 * percentile(delays, 0.95):.1f} ms"
        )
    busy = measure_saturated(settings, server, 30, 0.2)
    print(f"generator of 200 ms per batch of 8, images in files: {busy:.3f} of a bare loop's images/s")
    if long_queue:
        seconds = measure_long_queue(settings, server, long_queue)
        print(f"claim of 8 with {long_queue} queued: {1000 * seconds:.1f} ms")


if __name__ == "__main__":
    main()
