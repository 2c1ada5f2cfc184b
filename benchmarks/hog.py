"""What a hog costs its neighbour: one tenant has a thousand jobs queued, another sends one now and then.

Usage: python -m benchmarks.hog [--hog 1000] [--others 60] [--every 0.4] [--seed 0]

A worker process draws batches of 8 in 200 ms. Three runs, each on an empty Redis: the hog alone; the hog and another
tenant; and both as one tenant, which is what a queue without fairness would do to the other.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

from app.jobs import JobQueue
from app.messages import JobMessage, JobRecord
from app.redis_connections import async_redis
from app.settings import Settings
from models.interface import GenerationRequest
from tests.processes import RedisServer, WorkerProcess

BATCH_SECONDS = 0.2
BATCH_SIZE = 8


def main() -> None:
    """Measure and print."""
    options = parse()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, seed {options.seed}")
    alone, _ = asyncio.run(measure(options, other=None))
    fair, waits = asyncio.run(measure(options, other="other"))
    unfair, waits_in_line = asyncio.run(measure(options, other="hog"))
    raw = BATCH_SIZE / BATCH_SECONDS
    print(f"hog alone            {alone:.2f} jobs/s ({alone / raw:.3f} of the generator's own {raw:.1f})")
    print(f"hog and another      {fair:.2f} jobs/s ({fair / alone:.3f}), the other's jobs {spread(waits)}")
    print(f"the same, no tenants {unfair:.2f} jobs/s ({unfair / alone:.3f}), the other's jobs {spread(waits_in_line)}")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hog", type=int, default=1000, help="jobs of the hog")
    parser.add_argument("--others", type=int, default=60, help="jobs of the other tenant")
    parser.add_argument("--every", type=float, default=0.3, help="mean seconds between them")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


async def measure(options: argparse.Namespace, *, other: str | None) -> tuple[float, list[float]]:
    """Return jobs/s while the hog's line lasts, and how long the other tenant's jobs took, in seconds."""
    with tempfile.TemporaryDirectory(prefix="easel-bench-", ignore_cleanup_errors=True) as folder:
        server = RedisServer(Path(folder))
        server.start()
        settings = Settings(redis_url=server.url, data_dir=Path(folder), job_retention_seconds=3600)
        worker = WorkerProcess(settings, Path(folder, "log"), {"TEST_SECONDS": str(BATCH_SECONDS)})
        try:
            worker.until_ready()
            async with async_redis(settings) as client:
                queue = JobQueue(client, settings)
                hogs = await asyncio.gather(*(submit(queue, "hog", number) for number in range(options.hog)))
                others = await trickle(queue, other, options) if other else []
                ended = [await queue.wait(job.id, 600) for job in (*hogs, *others)]
                await queue.close()
        finally:
            worker.stop()
            server.kill()
    return jobs_per_second(ended), [seconds(job) for job in ended[len(hogs) :]]


async def trickle(queue: JobQueue, tenant: str, options: argparse.Namespace) -> list[JobRecord]:
    """Submit jobs one by one, at random moments."""
    rnd, jobs = random.Random(options.seed), []
    for number in range(options.others):
        await asyncio.sleep(rnd.expovariate(1 / options.every))
        jobs.append(await submit(queue, tenant, options.hog + number))
    return jobs


async def submit(queue: JobQueue, tenant: str, number: int) -> JobRecord:
    """Queue one job."""
    request = GenerationRequest(prompt="fox", width=8, height=8, seed=number)
    return await queue.submit(JobMessage(model="card", request=request, tenant=tenant), batch_key="8x8", cost=1.0)


def jobs_per_second(jobs: Sequence[JobRecord]) -> float:
    """Divide all jobs but the first batch's by the time from its end to the last one's."""
    ends = sorted(job.finished_at.timestamp() for job in jobs if job.finished_at)
    return (len(ends) - BATCH_SIZE) / (ends[-1] - ends[BATCH_SIZE - 1])


def seconds(job: JobRecord) -> float:
    """Return the time from acceptance to outcome."""
    if job.finished_at is None:
        raise SystemExit(f"job {job.id} did not end")
    return (job.finished_at - job.created_at).total_seconds()


def spread(waits: Sequence[float]) -> str:
    """Write median, 95th percentile and maximum in seconds and batch times."""
    ordered = sorted(waits)
    p50, p95, longest = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.95, 1.0))
    return f"p50 {p50:.2f} s, p95 {p95:.2f} s ({p95 / BATCH_SECONDS:.1f} batch times), longest {longest:.2f} s"


if __name__ == "__main__":
    main()
