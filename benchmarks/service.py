"""What the service itself costs: gateway, queue, worker and storage around pictures that take no time.

Usage: python -m benchmarks.service [--seconds 30] [--rate 100] [--jobs 1000] [--clients 8] [--alone 100]

Three measurements, each on a service of its own with test cards of 64x64 pixels:
submit    POST /v1/jobs, one every 1/rate seconds whether or not the last one is answered (open loop),
          timed from the moment at which it was due
batches   all jobs of all clients submitted as fast as they are taken; batch sizes as the jobs report them
overhead  one job after the other: from the request to the answer with the image's URL, minus its generation
"""

import argparse
import asyncio
import collections
import socket
import statistics
import time
from collections.abc import Sequence
from typing import Any

import httpx

from benchmarks.easel_service import describe_machine, running_service

SIZE = "64x64"
WARM_UP = 20
JOB_SECONDS = 60  # longest wait for one answer


def main() -> None:
    """Measure and print."""
    arguments = parse()
    print(describe_machine())
    with running_service() as url:
        print(asyncio.run(measure_submit(url, rate=arguments.rate, seconds=arguments.seconds)))
    with running_service() as url:
        print(asyncio.run(measure_batches(url, num_jobs=arguments.jobs, num_clients=arguments.clients)))
    with running_service(max_wait_seconds="0") as url:
        print(asyncio.run(measure_overhead(url, num_jobs=arguments.alone)))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the open loop")
    parser.add_argument("--rate", type=float, default=100.0, help="requests per second of the open loop")
    parser.add_argument("--jobs", type=int, default=1000, help="jobs of all clients together")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--alone", type=int, default=100, help="jobs that have the service to themselves")
    return parser.parse_args()


async def measure_submit(url: str, *, rate: float, seconds: float) -> str:
    """Post jobs at a fixed rate and tell how long the answers take."""
    async with client(url) as http:
        await warm_up(http)
        start, count = time.perf_counter() + 0.1, round(rate * seconds)
        latencies = await asyncio.gather(*(post_when_due(http, start + n / rate, n) for n in range(count)))
        waited = await until_empty(http)
    return (
        f"submit   {count} jobs at {rate:g}/s: {percentiles(latencies)};"
        f" all drawn {waited:.1f} s after the last was submitted"
    )


async def measure_batches(url: str, *, num_jobs: int, num_clients: int) -> str:
    """Let several clients submit all their jobs and then wait for them."""
    async with client(url) as http:
        await warm_up(http)
        started = time.perf_counter()
        share = num_jobs // num_clients
        jobs = await asyncio.gather(*(submit_and_wait(http, first=n * share, count=share) for n in range(num_clients)))
        seconds = time.perf_counter() - started
    done = [job for jobs_of_client in jobs for job in jobs_of_client]
    statuses = collections.Counter(job["status"] for job in done)
    # A job in a batch of b stands for 1/b batches.
    num_batches = sum(1 / job["timings"]["batch_size"] for job in done if job["timings"])
    return (
        f"batches  {len(done)} jobs of {num_clients} clients in {seconds:.1f} s: {dict(statuses)},"
        f" mean batch size {len(done) / num_batches:.2f}"
    )


async def measure_overhead(url: str, *, num_jobs: int) -> str:
    """Draw one picture after the other and tell what was not drawing."""
    overheads, encodes, uploads = [], [], []
    async with client(url) as http:
        await warm_up(http)
        for n in range(num_jobs):
            started = time.perf_counter()
            job = await post(http, n, headers={"Prefer": f"wait={JOB_SECONDS}"})
            seconds = time.perf_counter() - started
            if not job["images"]:
                raise SystemExit(f"job {job['id']} ended as {job['status']}")
            overheads.append(seconds - job["timings"]["generation_seconds"])
            encodes.append(job["timings"]["encode_seconds"])
            uploads.append(job["timings"]["upload_seconds"])
    return (
        f"overhead {num_jobs} jobs one by one: {percentiles(overheads)};"
        f" of this encoding {1000 * statistics.median(encodes):.1f} ms"
        f" and storing {1000 * statistics.median(uploads):.1f} ms (p50)"
    )


def client(url: str) -> httpx.AsyncClient:
    """Make a client that keeps its connections, and sends bodies at once: waiting for an ACK would cost 40 ms."""
    transport = httpx.AsyncHTTPTransport(
        limits=httpx.Limits(max_connections=200, max_keepalive_connections=200),
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )
    return httpx.AsyncClient(base_url=url, timeout=JOB_SECONDS + 10, transport=transport)


async def post(http: httpx.AsyncClient, n: int, **options: Any) -> dict[str, Any]:
    """Submit the n-th job."""
    body = {"prompt": f"A pink house, number {n}", "size": SIZE, "seed": n}
    response = await http.post("/v1/jobs", json=body, **options)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer


async def post_when_due(http: httpx.AsyncClient, due: float, n: int) -> float:
    """Submit at the moment `due` and return the seconds from then to the answer, the client's own delay included."""
    await asyncio.sleep(max(0.0, due - time.perf_counter()))
    await post(http, n)
    return time.perf_counter() - due


async def submit_and_wait(http: httpx.AsyncClient, *, first: int, count: int) -> list[dict[str, Any]]:
    """Be one client: submit `count` jobs one after the other, then follow each to its end."""
    submitted = [await post(http, n) for n in range(first, first + count)]
    return [await ended(http, job) for job in submitted]


async def ended(http: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    """Wait for a job's end."""
    while job["status"] in {"queued", "running"}:
        response = await http.get(f"/v1/jobs/{job['id']}", headers={"Prefer": f"wait={JOB_SECONDS}"})
        job = response.raise_for_status().json()
    return job


async def warm_up(http: httpx.AsyncClient) -> None:
    """Open connections and let every process do everything once."""
    for job in await asyncio.gather(*(post(http, n) for n in range(WARM_UP))):
        await ended(http, job)


async def until_empty(http: httpx.AsyncClient) -> float:
    """Submit one more job, which is drawn after all others, and return the seconds until it was."""
    started = time.perf_counter()
    await ended(http, await post(http, 0))
    return time.perf_counter() - started


def percentiles(seconds: Sequence[float]) -> str:
    """Write median, 99th percentile and maximum in milliseconds."""
    ordered = sorted(seconds)
    p50, p99 = (1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.50, 0.99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {1000 * ordered[-1]:.1f} ms"


if __name__ == "__main__":
    main()
