"""Draws one request among ever other company, and compares the pictures: they must be the same one.

Run it for a bundled model, and longer, by hand: `python -m tests.system.same_images --model easel-gan --mixes 200`.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import io
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from app.jobs import JobQueue
from app.messages import JobMessage, JobRecord
from app.redis_connections import async_redis
from app.settings import Settings
from app.storage import ObjectStore, open_store
from models.catalog import load_catalog
from models.interface import GenerationRequest
from tests.processes import ROOT, RedisServer, environment_of, wait_until

CATALOG = 'default = "{model}"\n[models.{model}]\nfamily = "{family}"\n'
PROMPTS = ("a red house under a tree", "two blue boats", "a yellow star above a hill", "a green fish", "a cat")
START_SECONDS = 120


@dataclass
class Comparison:
    """How the pictures of one request differ from the first of them."""

    files: set[str] = field(default_factory=set)  # SHA-256
    differences: list[int] = field(default_factory=list)  # the largest of any pixel, in levels of 255
    batch_sizes: collections.Counter[int] = field(default_factory=collections.Counter)

    def __str__(self) -> str:
        """Say it in a line."""
        levels = collections.Counter(self.differences)
        return (
            f"{len(self.differences)} pictures of one request, {len(self.files)} different files; "
            f"largest difference of a pixel in levels: {dict(sorted(levels.items()))}; "
            f"images in the batch: {dict(sorted(self.batch_sizes.items()))}"
        )


async def compare(model: str, *, mixes: int, seed: int, most_mates: int = 9, num_workers: int = 2) -> Comparison:
    """Draw one request `mixes` times among random others, on any of several workers."""
    with tempfile.TemporaryDirectory(prefix="easel-same-", ignore_cleanup_errors=True) as folder:
        server = RedisServer(Path(folder))
        server.start()
        settings = Settings(redis_url=server.url, data_dir=Path(folder), models_file=_catalog(model, Path(folder)))
        workers = [_start_worker(settings, Path(folder, f"worker-{n}.log")) for n in range(num_workers)]
        try:
            await asyncio.to_thread(wait_until, lambda: _ready(Path(folder)) == num_workers, START_SECONDS)
            jobs = await _draw_all(settings, model, mixes, most_mates, random.Random(seed))
            return _compare(jobs, open_store(settings))
        finally:
            for worker in workers:
                worker.terminate()
                worker.wait()
            server.kill()


def _catalog(model: str, folder: Path) -> Path:
    path = folder / "models.toml"
    path.write_text(CATALOG.format(model=model, family=load_catalog(None).resolve(model).family))
    return path


def _start_worker(settings: Settings, log: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"EASEL_LOG_FORMAT": "json"} | environment_of(settings)
    with log.open("w") as output:
        return subprocess.Popen([sys.executable, "-m", "workers"], cwd=ROOT, env=environment, stderr=output)


def _ready(folder: Path) -> int:
    return sum("worker_ready" in log.read_text() for log in folder.glob("worker-*.log"))


async def _draw_all(settings: Settings, model: str, mixes: int, most_mates: int, rnd: random.Random) -> list[JobRecord]:
    """Submit mix after mix, the one request at any place in each, and return that request's jobs."""
    async with async_redis(settings) as client:
        queue = JobQueue(client, settings)
        watched = []
        for _ in range(mixes):
            others = [
                _message(model, rnd.choice(PROMPTS), rnd.randrange(2**32)) for _ in range(rnd.randint(0, most_mates))
            ]
            place = rnd.randint(0, len(others))
            mix = [*others[:place], _message(model, PROMPTS[0], 7), *others[place:]]
            jobs = [await queue.submit(message, batch_key="any", cost=1.0) for message in mix]
            watched.append(jobs[place].id)
            if rnd.random() < 0.5:
                await queue.wait(jobs[rnd.randrange(len(jobs))].id, 60)  # a batch is drawn before the next mix comes
        done = [await queue.wait(job_id, 600) for job_id in watched]
        await queue.close()
    return done


def _message(model: str, prompt: str, seed: int) -> JobMessage:
    request = GenerationRequest(prompt=prompt, width=128, height=128, seed=seed)
    return JobMessage(model=model, request=request)


def _compare(jobs: Sequence[JobRecord], store: ObjectStore) -> Comparison:
    comparison, first = Comparison(), None
    for job in jobs:
        assert job.outcome
        assert job.outcome.images, job
        assert job.outcome.timings
        pixels = np.asarray(Image.open(io.BytesIO(store.get(job.outcome.images[0].key)))).astype(int)
        first = pixels if first is None else first
        comparison.files.add(job.outcome.images[0].sha256)
        comparison.differences.append(int(np.abs(pixels - first).max()))
        comparison.batch_sizes[job.outcome.timings.batch_size] += 1
    return comparison


def main() -> None:
    """Compare from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="card", help="an id of the built-in list")
    parser.add_argument("--mixes", type=int, default=200)
    parser.add_argument("--mates", type=int, default=9, help="others in a mix, at most")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    comparison = asyncio.run(compare(options.model, mixes=options.mixes, seed=options.seed, most_mates=options.mates))
    print(f"{options.model}, seed {options.seed}: {comparison}")  # noqa: T201


if __name__ == "__main__":
    main()
