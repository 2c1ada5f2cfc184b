"""How good estimates are: what jobs were told when they were submitted, and when they then started.

Usage: python benchmarks/estimates.py [--jobs 250] [--load 0.9] [--seed 0]

One worker serves two models of different speed with test cards; jobs have 1 to 4 images and three numbers of steps,
which cannot share a batch. The first fifth arrives at once, the others at random, at a rate that keeps the worker busy
for `load` of the time. Jobs that warm the measured speeds up are not counted.
"""

import argparse
import asyncio
import datetime as dt
import random
import statistics
from typing import Any

import httpx
from easel_service import describe_machine, running_service

CARD_SECONDS, SLOW_SECONDS = 0.4, 1.2  # per batch of eight
MODELS = f"""
default = "card"
[models.card]
family = "testcard"
max_batch_size = 8
seconds_per_batch = {CARD_SECONDS}
[models.slow]
family = "testcard"
max_batch_size = 8
seconds_per_batch = {SLOW_SECONDS}
"""
MEAN_IMAGES = 2.5
BATCH_FILL = 0.7  # of a batch's rows, on average, when three kinds of two models wait
WARM_UP = 24


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=250)
    parser.add_argument("--load", type=float, default=0.9)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(describe_machine())
    with running_service(models=MODELS, log_level="warning") as url:
        report(asyncio.run(measure(url, arguments)))


async def measure(url: str, arguments: argparse.Namespace) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Submit all jobs; return each as it was when submitted and as it ended."""
    rng = random.Random(arguments.seed)
    seconds_per_job = MEAN_IMAGES / 8 / BATCH_FILL * (CARD_SECONDS + SLOW_SECONDS) / 2
    async with httpx.AsyncClient(base_url=url, timeout=90) as http:
        await asyncio.gather(*[draw(http, body) for body in bodies(rng, WARM_UP)])
        drawing = []
        for n, body in enumerate(bodies(rng, arguments.jobs)):
            drawing.append(asyncio.create_task(draw(http, body)))
            if n > arguments.jobs / 5:
                await asyncio.sleep(rng.expovariate(arguments.load / seconds_per_job))
        return list(await asyncio.gather(*drawing))


def bodies(rng: random.Random, count: int) -> list[dict[str, Any]]:
    """Make a mixed lot of jobs."""
    return [
        {
            "prompt": "house",
            "model": rng.choice(["card", "slow"]),
            "size": "64x64",
            "num_images": rng.randint(1, 4),
            "num_inference_steps": rng.choice([2, 4, 8]),
        }
        for _ in range(count)
    ]


async def draw(http: httpx.AsyncClient, body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Submit a job and wait for its end."""
    submitted = job = (await http.post("/v1/jobs", json=body)).raise_for_status().json()
    while job["status"] in {"queued", "running"}:
        response = await http.get(f"/v1/jobs/{job['id']}", headers={"Prefer": "wait=60"})
        job = response.raise_for_status().json()
    return submitted, job


def report(jobs: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    """Compare what was told with what came."""
    for title, name, event in (
        ("start", "seconds_to_start", "started_at"),
        ("finish", "seconds_to_finish", "finished_at"),
    ):
        pairs = [(submitted["estimate"][name], seconds_until(ended, event)) for submitted, ended in jobs]
        within = sum(actual <= told["p90"] for told, actual in pairs) / len(pairs)
        early = sum(actual <= told["p50"] for told, actual in pairs) / len(pairs)
        errors = [abs(told["p50"] - actual) / actual for told, actual in pairs]
        waits = statistics.quantiles([actual for _, actual in pairs], n=10)
        print(
            f"{title:6} {len(pairs)} jobs, after {waits[0]:.1f} to {waits[-1]:.1f} s (p10 to p90):"
            f" {100 * within:.0f} % within p90, {100 * early:.0f} % within p50,"
            f" p50 off by {100 * statistics.median(errors):.0f} % (median)"
        )


def seconds_until(job: dict[str, Any], event: str) -> float:
    """Return how long after its submission something happened to a job."""
    return (dt.datetime.fromisoformat(job[event]) - dt.datetime.fromisoformat(job["created_at"])).total_seconds()


if __name__ == "__main__":
    main()
