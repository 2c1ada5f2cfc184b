"""How much of a generator's own speed is left over HTTP, and what one client alone waits beside the drawing.

Usage: python -m benchmarks.saturated [--model card] [--storage file|s3] [--clients 64] [--seconds 6] [--rounds 6]

raw        the same generator in a bare loop in a process of its own: full batches, and one picture at a time
saturated  clients that each submit, wait for the end in the same request, and submit again
alone      one client, with the service idle before; beside the raw loop's time for one picture
after      one client, right after the many have gone

A virtual machine's cores may be a third faster in one minute than in the next. So the bare loop and the service take
turns, and each figure of the service is compared with the bare loop right before and right after it.
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
from bisect import bisect_left
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
ALONE = 20
WAIT_SECONDS = 60


def main() -> None:
    """Measure and print."""
    options = parse()
    if options.raw:
        answer_as_bare_loop(options.model)
        return
    print(describe_machine())
    with (
        bare_loop(options.model) as raw,
        storage_settings(options.storage) as settings,
        running_service(models=catalog(options.model), **settings) as url,
    ):
        rounds = asyncio.run(measure_rounds(url, options, raw))
    report(rounds, options.clients)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", default="card", help="card: a test card of 200 ms per batch of 8; or a bundled model"
    )
    parser.add_argument("--storage", choices=["file", "s3"], default="file", help="s3: a real one, Ceph's radosgw")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=6.0, help="length of each measurement")
    parser.add_argument("--rounds", type=int, default=6, help="how often each is measured")
    parser.add_argument("--raw", action="store_true", help="be the bare loop: asked on stdin, it answers on stdout")
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


class BareLoop:
    """The generator in a process of its own, at rest but when asked."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def pictures_per_second(self, seconds: float) -> float:
        """Draw full batches for so long."""
        return self._ask("full", seconds)

    def one_seconds(self, seconds: float) -> float:
        """Draw one picture at a time for so long; return how long one takes."""
        return 1 / self._ask("one", seconds)

    def _ask(self, what: str, seconds: float) -> float:
        print(what, seconds, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())


@contextlib.contextmanager
def bare_loop(model: str) -> Iterator[BareLoop]:
    """Start the bare loop, with as many threads as a worker has."""
    command = [sys.executable, "-m", "benchmarks.saturated", "--raw", "--model", model]
    environment = os.environ | {"OMP_NUM_THREADS": str(cpu_threads(Settings()))}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield BareLoop(process)
        process.stdin.close()


def answer_as_bare_loop(model: str) -> None:
    """Load the generator; for each line `full SECONDS` or `one SECONDS` draw that long and print pictures/s."""
    entry = SLOW_CARD if model == "card" else load_catalog(None).resolve(model)
    generator = load_generator(entry, device="cpu", dtype="auto")
    side = CARD_SIDE if model == "card" else generator.capabilities.default_size[0]
    rows = [
        Row(GenerationRequest(width=side, height=side, **body(n))) for n in range(generator.capabilities.max_batch_size)
    ]
    for line in sys.stdin:
        what, seconds = line.split()
        asked = rows if what == "full" else rows[:1]
        batches = batches_per_second(lambda asked=asked: generator.generate(asked, Quiet()), float(seconds))
        print(batches * len(asked), flush=True)


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


@dataclass(frozen=True)
class Drawn:
    """How long a picture took its client, and where the job says the time went."""

    seconds: float
    timings: dict[str, float]


@dataclass(frozen=True)
class Round:
    """What one turn of the service gave, beside the bare loop's just before and after."""

    raw_speed: float
    speed: float
    batches: str
    raw_one_seconds: float
    alone: list[Drawn]
    after: list[Drawn]


async def measure_rounds(url: str, options: argparse.Namespace, raw: BareLoop) -> list[Round]:
    """Let the bare loop and the service take turns."""
    size = {"size": f"{CARD_SIDE}x{CARD_SIDE}"} if options.model == "card" else {}
    async with client(url) as http:
        await draw(http, 0, size)
    return [await measure_round(url, options, raw, size) for _ in range(options.rounds)]


async def measure_round(url: str, options: argparse.Namespace, raw: BareLoop, size: dict[str, str]) -> Round:
    """Measure the bare loop, the service under load and with one client, and the bare loop again."""
    ones, fulls = [raw.one_seconds(options.seconds / 3)], []
    async with client(url) as http:
        alone = [await draw(http, number, size) for number in range(ALONE)]
        fulls.append(raw.pictures_per_second(options.seconds / 2))
        speed, batches = await saturate(http, options.clients, options.seconds, size)
    async with client(url) as http:  # the many connections of the first slow its client down, not the service
        after = [await draw(http, number, size) for number in range(ALONE)]
    fulls.append(raw.pictures_per_second(options.seconds / 2))
    ones.append(raw.one_seconds(options.seconds / 3))
    return Round(statistics.mean(fulls), speed, batches, statistics.mean(ones), alone, after)


def report(rounds: Sequence[Round], num_clients: int) -> None:
    """Print what clients saw."""
    raws = [one.raw_speed for one in rounds]
    shares = sorted(one.speed / one.raw_speed for one in rounds)
    one_ms = 1000 * statistics.median(one.raw_one_seconds for one in rounds)
    print(f"raw        {min(raws):.2f} to {max(raws):.2f} pictures/s over the rounds, one picture {one_ms:.1f} ms")
    print(f"alone      {beside([(drawn, one.raw_one_seconds) for one in rounds for drawn in one.alone])}")
    for one in rounds:
        print(f"saturated  {one.speed:.2f} pictures/s, {one.speed / one.raw_speed:.3f} of the bare loop; {one.batches}")
    print(
        f"saturated  by {num_clients} clients: {statistics.median(shares):.3f} of the bare loop"
        f" in the middle of {len(shares)} rounds ({shares[0]:.3f} to {shares[-1]:.3f})"
    )
    print(f"after      {beside([(drawn, one.raw_one_seconds) for one in rounds for drawn in one.after])}")


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
    ends.sort()
    first, last = (bisect_left(ends, moment) - 1 for moment in (start, stop))  # each at the end of a batch
    if not 0 <= first < last:
        raise SystemExit("the model is too slow: no batch ended before the time that counts, or none in it")
    count, images, drawing = (after - was for after, was in zip(await sums(http), before, strict=True))
    speed = (last - first) / (ends[last] - ends[first])
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


async def draw(http: httpx.AsyncClient, number: int, size: dict[str, str]) -> Drawn:
    """Submit a job and wait for its end in the same request."""
    started = time.perf_counter()
    answer = await http.post("/v1/jobs", json=body(number) | size, headers={"Prefer": f"wait={WAIT_SECONDS}"})
    job = answer.raise_for_status().json()
    if job["status"] != "succeeded":
        raise SystemExit(f"not drawn: {answer.text}")
    return Drawn(time.perf_counter() - started, job["timings"])


def beside(drawn: Sequence[tuple[Drawn, float]]) -> str:
    """Write what clients waited beside the bare loop's time for one picture, and what of that the jobs account for."""
    parts = {
        "waiting": [one.timings["wait_seconds"] for one, _ in drawn],
        "drawing longer than alone": [one.timings["generation_seconds"] - own for one, own in drawn],
        "encoding": [one.timings["encode_seconds"] for one, _ in drawn],
        "storing": [one.timings["upload_seconds"] for one, _ in drawn],
    }
    shown = ", ".join(f"{name} {1000 * statistics.median(seconds):.1f} ms" for name, seconds in parts.items())
    return f"beside the drawing {percentiles([one.seconds - own for one, own in drawn])} (p50 {shown})"


if __name__ == "__main__":
    main()
