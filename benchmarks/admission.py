"""What it is worth that pictures join a batch while it runs, against batches that are closed when they start.

Usage: python -m benchmarks.admission [--model steps|easel-transformer] [--pictures 120] [--seed 0]

The same generator draws the same requests, which arrive at random (open loop), once with admission and once without.
`steps` is a generator of 20 steps of 20 ms, whatever the number of pictures; anything else a bundled model.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import structlog

from app.jobs import JobQueue
from app.messages import JobMessage
from app.metrics import new_registry
from app.redis_connections import async_redis, sync_redis
from app.settings import Settings
from app.storage.files import FileStore
from models.catalog import load_catalog
from models.families import load_generator
from models.interface import Capabilities, Feed, GenerationRequest, ImageGenerator, Row
from tests.fakes import served
from tests.processes import RedisServer
from workers.metrics import WorkerMetrics
from workers.worker import BatchWorker

MODEL = "drawn"
SHARES = (0.5, 0.8, 1.2)  # of what full batches can draw
PROMPTS = ("a red house under a tree", "two blue boats at night", "a yellow star above a hill", "a green fish")


class StepGenerator:
    """Takes the same time for each step of all its pictures together, and each picture takes as many steps."""

    revision = "steps-1"
    description = {"device": "none", "dtype": "uint8"}  # noqa: RUF012 - never changed
    capabilities = Capabilities(max_batch_size=8, options={}, admits=True, cancel=True)
    num_steps = 20
    step_seconds = 0.02

    def generate(self, rows: Sequence[Row], feed: Feed) -> None:
        """Draw the rows, and whoever joins."""
        left = dict.fromkeys(rows, self.num_steps)
        while left:
            time.sleep(self.step_seconds)
            left = {row: steps - 1 for row, steps in left.items()}
            for row in [row for row, steps in left.items() if steps == 0]:
                feed.done(row, np.full((64, 64, 3), 128, np.uint8))
                del left[row]
            room = self.capabilities.max_batch_size - len(left)
            left |= dict.fromkeys(feed.admit(room) if room else (), self.num_steps)


class ClosedFeed:
    """A feed that admits nobody."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def __getattr__(self, name: str) -> object:
        return getattr(self._feed, name)

    def admit(self, room: int) -> Sequence[Row]:
        """Give no new rows."""
        del room
        return ()


class ClosedBatches:
    """A generator whose batches are closed when they start."""

    def __init__(self, generator: ImageGenerator) -> None:
        self._generator = generator
        self.capabilities = replace(generator.capabilities, admits=False)
        self.revision = generator.revision
        self.description = generator.description

    def generate(self, rows: Sequence[Row], feed: Feed) -> None:
        """Draw these rows only."""
        self._generator.generate(rows, ClosedFeed(feed))  # type: ignore[arg-type]


def main() -> None:
    """Measure and print a table."""
    options = parse()
    logging.disable(logging.INFO)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("error"))
    generator = bundled(options.model) if options.model != "steps" else StepGenerator()
    capacity = full_batches_per_second(generator)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {options.model}, seed {options.seed}")
    print(f"full batches alone: {capacity:.2f} pictures/s")
    for share in SHARES:
        for name, one in (("closed", ClosedBatches(generator)), ("admits", generator)):
            done = measure(one, rate=share * capacity, count=options.pictures, seed=options.seed)
            print(f"{share:.0%} {name}: {describe(done, capacity)}", flush=True)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="steps")
    parser.add_argument("--pictures", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def bundled(model: str) -> ImageGenerator:
    """Load a model of the built-in list."""
    return load_generator(load_catalog(None).resolve(model), device="cpu", dtype="auto")


def request(generator: ImageGenerator, number: int) -> GenerationRequest:
    """Make the request of this number."""
    width, height = generator.capabilities.default_size
    return GenerationRequest(prompt=PROMPTS[number % len(PROMPTS)], width=width, height=height, seed=number)


def full_batches_per_second(generator: ImageGenerator) -> float:
    """Draw full batches in a bare loop and return pictures/s."""
    size = generator.capabilities.max_batch_size
    rows = [Row(request(generator, number)) for number in range(size)]
    count = 0
    generator.generate(rows, Quiet())
    started = time.perf_counter()
    while time.perf_counter() - started < 3 or not count:
        generator.generate(rows, Quiet())
        count += 1
    return count * size / (time.perf_counter() - started)


class Quiet:
    """A feed that nobody listens to."""

    def wants_preview(self, row: Row) -> bool:
        """Tell that no preview is wanted."""
        del row
        return False

    cancelled = wants_preview

    def admit(self, room: int) -> Sequence[Row]:
        """Give no new rows."""
        del room
        return ()

    def progress(self, row: Row, step: int, num_steps: int) -> None:
        """Take note of nothing."""

    def done(self, row: Row, image: object) -> None:
        """Drop the picture."""

    warn = preview = done


def measure(generator: ImageGenerator, *, rate: float, count: int, seed: int) -> list[tuple[float, float]]:
    """Let pictures arrive at random, `rate` a second, and return when each was accepted and when it had ended."""
    with tempfile.TemporaryDirectory(prefix="easel-bench-", ignore_cleanup_errors=True) as folder:
        server = RedisServer(Path(folder))
        server.start()
        settings = Settings(redis_url=server.url, data_dir=Path(folder))
        done: list[tuple[float, float]] = []
        with sync_redis(settings) as client:
            store = FileStore.open(settings.data_dir, None)
            metrics = WorkerMetrics(new_registry())
            worker = BatchWorker(settings, client, served({MODEL: generator}, metrics), store, metrics)

            def arrive() -> None:
                done.extend(asyncio.run(arrivals(settings, generator, rate, count, random.Random(seed))))
                os.kill(os.getpid(), signal.SIGTERM)

            thread = threading.Thread(target=arrive)  # the worker needs the main thread, for its signals
            thread.start()
            worker.work(logging_level="ERROR")
            thread.join()
        server.kill()
    return done


async def arrivals(
    settings: Settings, generator: ImageGenerator, rate: float, count: int, rnd: random.Random
) -> list[tuple[float, float]]:
    """Submit pictures at random moments, however the others fare, and wait for all."""
    async with async_redis(settings) as client:
        queue = JobQueue(client, settings)
        jobs = []
        for number in range(count):
            await asyncio.sleep(rnd.expovariate(rate))
            message = JobMessage(model=MODEL, request=request(generator, number))
            jobs.append(await queue.submit(message, batch_key="any", cost=1.0))
        ended = [await queue.wait(job.id, 300) for job in jobs]
        await queue.close()
    return [(job.created_at.timestamp(), job.finished_at.timestamp()) for job in ended if job.finished_at]


def describe(done: Sequence[tuple[float, float]], capacity: float) -> str:
    """Write throughput and latency."""
    ordered = sorted(end - start for start, end in done)
    p50, p95 = (ordered[int(share * len(ordered))] for share in (0.5, 0.95))
    speed = len(done) / (max(end for _, end in done) - min(start for start, _ in done))
    return f"{speed:.2f} pictures/s ({speed / capacity:.2f} of full batches), p50 {p50:.2f} s, p95 {p95:.2f} s"


if __name__ == "__main__":
    main()
