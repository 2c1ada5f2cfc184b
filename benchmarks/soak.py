"""An hour at half load: memory, descriptors and threads of every process, as lines of JSON and as a plot.

Usage: python -m benchmarks.soak [--minutes 60] [--out soak]

A test card that takes 0.4 s for a batch of eight could serve 20 jobs per second; it is asked for 10, each read until it
has ended and its image fetched. Writes OUT.jsonl as it goes and OUT.png at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from pathlib import Path

import httpx
import psutil

from benchmarks.easel_service import CATALOG, describe_machine, running_service

JOBS_PER_SECOND = 10.0
SAMPLE_SECONDS = 15.0
PARTS = {"gateway": "gateway", "-m workers": "worker", "redis-server": "redis", "app run": "supervisor"}
MEASURES = {"rss_mib": "memory, MiB", "descriptors": "open descriptors", "threads": "threads"}


def main() -> None:
    """Run, sample, plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--out", type=Path, default=Path("soak"))
    wanted = parser.parse_args()
    print(describe_machine())
    wanted.out.with_suffix(".jsonl").unlink(missing_ok=True)
    with running_service(models=f"{CATALOG}seconds_per_batch = 0.4\n", job_retention_seconds="600") as url:
        outcomes = asyncio.run(soak(url, 60 * wanted.minutes, wanted.out.with_suffix(".jsonl")))
    print(f"{sum(outcomes.values())} jobs: {dict(outcomes)}")
    samples = [json.loads(line) for line in wanted.out.with_suffix(".jsonl").read_text().splitlines()]
    print_growth(samples)
    plot(samples, wanted.out.with_suffix(".png"))


async def soak(url: str, seconds: float, lines: Path) -> Counter[str]:
    """Submit at a steady rate, sample beside it, and count how the jobs ended."""
    outcomes: Counter[str] = Counter()
    stop = time.monotonic() + seconds
    async with httpx.AsyncClient(base_url=url, timeout=90) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(sample_until(stop, lines))
        started, submitted = time.monotonic(), 0
        while time.monotonic() < stop:
            tasks.create_task(one_job(client, submitted, outcomes))
            submitted += 1
            await asyncio.sleep(max(0, started + submitted / JOBS_PER_SECOND - time.monotonic()))
    return outcomes


async def one_job(client: httpx.AsyncClient, seed: int, outcomes: Counter[str]) -> None:
    """Submit a job, wait for its end, and fetch its image."""
    try:
        body = {"prompt": f"fox {seed}", "seed": seed}
        job = (await client.post("/v1/jobs", json=body, headers={"prefer": "wait=60"})).json()
        image = await client.get(job["images"][0]["url"])
        outcomes[job["status"] if image.is_success else "image missing"] += 1
    except (httpx.HTTPError, LookupError) as error:
        outcomes[type(error).__name__] += 1


async def sample_until(stop: float, lines: Path) -> None:
    """Write down what the service's processes hold, again and again."""
    started = time.monotonic()
    while time.monotonic() < stop:
        with lines.open("a") as file:
            file.write(json.dumps({"seconds": round(time.monotonic() - started), **measured()}) + "\n")
        await asyncio.sleep(SAMPLE_SECONDS)


def measured() -> dict[str, dict[str, float]]:
    """Measure each process that this one has started, by its part in the service."""
    found: dict[str, dict[str, float]] = {}
    for process in psutil.Process().children(recursive=True):
        command = " ".join(process.cmdline())
        part = next((name for words, name in PARTS.items() if words in command), None)
        if part:
            found[part] = {
                "rss_mib": round(process.memory_info().rss / 2**20, 1),
                "descriptors": process.num_fds(),
                "threads": process.num_threads(),
            }
    return found


def print_growth(samples: list[dict]) -> None:
    """Print each measure's mean over the second and over the last tenth of the time."""
    tenth = max(1, len(samples) // 10)
    early, late = samples[tenth : 2 * tenth], samples[-tenth:]
    for part in samples[-1].keys() - {"seconds"}:
        for measure in MEASURES:
            first, last = (sum(s[part][measure] for s in some) / len(some) for some in (early, late))
            print(f"{part:<11} {measure:<12} {first:8.1f} -> {last:8.1f}")


def plot(samples: list[dict], path: Path) -> None:
    """Draw each measure over time, one line for each process."""
    import matplotlib.pyplot as plt  # noqa: PLC0415 - only at the end

    minutes = [sample["seconds"] / 60 for sample in samples]
    figure, axes = plt.subplots(len(MEASURES), 1, figsize=(8, 7), sharex=True)
    for axis, (measure, title) in zip(axes, MEASURES.items(), strict=True):
        for part in sorted(samples[-1].keys() - {"seconds"}):
            axis.plot(minutes, [sample[part][measure] for sample in samples], label=part)
        axis.set_ylabel(title)
        axis.set_ylim(bottom=0)
    axes[0].legend(loc="upper right", ncols=4, fontsize="small")
    axes[-1].set_xlabel("minutes at half load")
    figure.tight_layout()
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
