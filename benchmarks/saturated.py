"""How much of a generator's own speed is left over HTTP, and what one client alone waits beside the drawing.

Usage: python -m benchmarks.saturated [--model card] [--storage file|s3] [--clients 64] [--seconds 15]

raw        the same generator in a bare loop in a process of its own: full batches, and one picture at a time
saturated  clients that each submit, wait for the end in the same request, and submit again
alone      one client, with the service idle before; beside the raw loop's time for one picture
after      one client, right after the many have gone
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families as parse_page

from app.accelerators import cpu_threads
from app.settings import Settings
from benchmarks.admission import Quiet
from benchmarks.easel_service import describe_machine, running_service
from benchmarks.service import client, percentiles
from models.catalog import load_catalog
from models.catalog_entries import TestcardModel
from models.families import load_generator
from models.interface import GenerationRequest, Row
from tests.s3server import running_s3_server

SLOW_CARD = TestcardModel(id="card", family="testcard", max_batch_size=8, seconds_per_batch=0.2)
PROMPTS = ("a red house under a tree", "two blue boats at night", "a yellow star above a hill", "a green fish")
CARD_SIDE = 64
ALONE = 30
WAIT_SECONDS = 60


def main() -> None:
    """Measure and print."""
    options = parse()
    if options.raw:
        print(json.dumps(raw_speed(options.model, options.seconds)))
        return
    print(describe_machine())
    raw = measure_raw(options)
    print(f"raw        {raw['pictures_per_second']:.2f} pictures/s, one picture {1000 * raw['one_seconds']:.1f} ms")
    with (
        storage_settings(options.storage) as settings,
        running_service(models=catalog(options.model), **settings) as url,
    ):
        asyncio.run(measure_service(url, options, raw))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", default="card", help="card: a test card of 200 ms per batch of 8; or a bundled model"
    )
    parser.add_argument("--storage", choices=["file", "s3"], default="file", help="s3: a real one, Ceph's radosgw")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=15.0, help="length of each measurement")
    parser.add_argument("--raw", action="store_true", help="only the bare loop, as JSON")
    return parser.parse_args()


def catalog(model: str) -> str:
    """Write the list of models for a service that has this one alone."""
    entry = SLOW_CARD if model == "card" else load_catalog(None).resolve(model)
    values = {"family": entry.family}
    if isinstance(entry, TestcardModel):
        values |= {"max_batch_size": entry.max_batch_size, "seconds_per_batch": entry.seconds_per_batch}
    return f'default = "{model}"\n[models.{model}]\n' + "\n".join(f"{k} = {json.dumps(v)}" for k, v in values.items())


@contextlib.contextmanager
def storage_settings(storage: str) -> Iterator[dict[str, str]]:
    """Start what the storage needs and give the settings that lead to it."""
    if storage == "file":
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="easel-s3-") as folder, running_s3_server(Path(folder)) as server:
        server.client().create_bucket(Bucket="pictures")
        yield {
            "storage": "s3",
            "s3_bucket": "pictures",
            "s3_endpoint_url": server.endpoint_url,
            "s3_access_key_id": server.access_key_id,
            "s3_secret_access_key": server.secret_access_key,
            "s3_path_style": "true",
        }


def measure_raw(options: argparse.Namespace) -> dict[str, float]:
    """Run the bare loop in a process of its own, with as many threads as a worker has."""
    command = [sys.executable, "-m", "benchmarks.saturated", "--raw", "--model", options.model]
    command += ["--seconds", str(options.seconds)]
    environment = os.environ | {"OMP_NUM_THREADS": str(cpu_threads(Settings()))}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    speed: dict[str, float] = json.loads(done.stdout)
    return speed


def raw_speed(model: str, seconds: float) -> dict[str, float]:
    """Draw in a bare loop: full batches for so many seconds, then one picture at a time for a third of them."""
    entry = SLOW_CARD if model == "card" else load_catalog(None).resolve(model)
    generator = load_generator(entry, device="cpu", dtype="auto")
    side = CARD_SIDE if model == "card" else generator.capabilities.default_size[0]
    size = generator.capabilities.max_batch_size
    rows = [Row(GenerationRequest(width=side, height=side, **body(n))) for n in range(size)]
    full = batches_per_second(lambda: generator.generate(rows, Quiet()), seconds)
    one = batches_per_second(lambda: generator.generate(rows[:1], Quiet()), seconds / 3)
    return {"pictures_per_second": full * size, "one_seconds": 1 / one}


def batches_per_second(draw: object, seconds: float) -> float:
    """Call again and again, the first time uncounted."""
    draw()
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        draw()
        count += 1
    return count / (time.perf_counter() - started)


def body(number: int) -> dict[str, object]:
    """Ask for a picture."""
    return {"prompt": PROMPTS[number % len(PROMPTS)], "seed": number}


async def measure_service(url: str, options: argparse.Namespace, raw: dict[str, float]) -> None:
    """Print what clients see."""
    size = {"size": f"{CARD_SIDE}x{CARD_SIDE}"} if options.model == "card" else {}
    async with client(url) as http:
        await draw(http, 0, size)
        alone = [await draw(http, number, size) for number in range(ALONE)]
        print(f"alone      {beside(alone, raw)}")
        speed, spent = await saturate(http, options.clients, options.seconds, size)
        share = speed / raw["pictures_per_second"]
        print(f"saturated  {speed:.2f} pictures/s by {options.clients} clients, {share:.3f} of the bare loop; {spent}")
    async with client(url) as http:  # the many connections of the first slow its client down, not the service
        after = [await draw(http, number, size) for number in range(ALONE)]
        print(f"after      {beside(after, raw)}; the first {1000 * (after[0].seconds - raw['one_seconds']):.1f} ms")


async def saturate(
    http: httpx.AsyncClient, num_clients: int, seconds: float, size: dict[str, str]
) -> tuple[float, str]:
    """Let clients draw one picture after the other; return pictures/s while all are at it, and what batches were."""
    numbers, ends = itertools.count(), []
    before = await sums(http)
    start = time.perf_counter() + 3.0
    stop = start + seconds

    async def be_client() -> None:
        while time.perf_counter() < stop:
            await draw(http, next(numbers), size)
            ends.append(time.perf_counter())

    await asyncio.gather(*(be_client() for _ in range(num_clients)))
    counted = [end for end in ends if start <= end < stop]
    count, images, drawing = (after - was for after, was in zip(await sums(http), before, strict=True))
    speed = (len(counted) - 1) / (max(counted) - min(counted))
    batches = (
        f"{images / count:.2f} images a batch, {1000 * drawing / count:.0f} ms of drawing each, "
        f"which is {speed * drawing / images:.3f} of the time"
    )
    return speed, batches


async def sums(http: httpx.AsyncClient) -> tuple[float, float, float]:
    """Read how many batches there were, and the sums of their images and seconds."""
    page = (await http.get("/metrics")).content.decode()
    samples = {sample.name: sample.value for family in parse_page(page) for sample in family.samples}
    return (
        samples.get("easel_batch_size_images_count", 0.0),
        samples.get("easel_batch_size_images_sum", 0.0),
        samples.get("easel_batch_generation_seconds_sum", 0.0),
    )


@dataclass(frozen=True)
class Drawn:
    """How long a picture took its client, and where the job says the time went."""

    seconds: float
    timings: dict[str, float]


async def draw(http: httpx.AsyncClient, number: int, size: dict[str, str]) -> Drawn:
    """Submit a job and wait for its end in the same request."""
    started = time.perf_counter()
    answer = await http.post("/v1/jobs", json=body(number) | size, headers={"Prefer": f"wait={WAIT_SECONDS}"})
    job = answer.raise_for_status().json()
    if job["status"] != "succeeded":
        raise SystemExit(f"not drawn: {answer.text}")
    return Drawn(time.perf_counter() - started, job["timings"])


def beside(drawn: Sequence[Drawn], raw: dict[str, float]) -> str:
    """Write what a client waited beside the raw loop's time for one picture, and what of that the job accounts for."""
    own = raw["one_seconds"]
    parts = {
        "waiting": [one.timings["wait_seconds"] for one in drawn],
        "drawing longer than alone": [one.timings["generation_seconds"] - own for one in drawn],
        "encoding": [one.timings["encode_seconds"] for one in drawn],
        "storing": [one.timings["upload_seconds"] for one in drawn],
    }
    shown = ", ".join(f"{name} {1000 * statistics.median(seconds):.1f} ms" for name, seconds in parts.items())
    return f"beside the drawing {percentiles([one.seconds - own for one in drawn])} (p50 {shown})"


if __name__ == "__main__":
    main()
