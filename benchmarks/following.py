"""What following jobs costs a gateway, and how soon its followers hear.

Usage: python benchmarks/following.py [--clients 1000] [--batch-seconds 0.4] [--batch-size 8] [--still-seconds 20]

Each client follows a job of its own over a connection of its own. While nobody draws, memory and processor time of the
gateway are those of waiting; then one worker draws test cards in four steps, and each event's arrival is compared
with its fact: the claim and the commit as the job's record has them, and a step's place in its batch.
"""

import argparse
import asyncio
import collections
import datetime as dt
import json
import statistics
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import redis
from easel_service import describe_machine, running_service

CATALOG = """
default = "card"
[models.card]
family = "testcard"
max_batch_size = {}
seconds_per_batch = {}
"""
NUM_STEPS = 4
SUBMITTERS = 20


@dataclass
class Follower:
    """A client of one stream."""

    job_id: str
    arrivals: list[tuple[str, dict[str, Any], float]] = field(default_factory=list)  # event, data, Unix seconds

    async def follow(self, url: str, connected: asyncio.Semaphore) -> None:
        """Read the stream to its end; as little work as possible, for it shares the machine with the gateway."""
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=2**20)
        writer.write(f"GET /v1/jobs/{self.job_id}/events HTTP/1.1\r\nHost: easel\r\n\r\n".encode())
        name = ""
        while line := await reader.readline():
            if line.startswith(b"event: "):
                name = line[7:].decode().strip()
            elif line.startswith(b"data: "):
                self.arrivals.append((name, json.loads(line[6:]), time.time()))
                if len(self.arrivals) == 1:
                    connected.release()
                if name == "ended":
                    break
        writer.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--batch-seconds", type=float, default=0.4)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--still-seconds", type=float, default=20.0, help="how long nothing moves")
    arguments = parser.parse_args()
    print(describe_machine())
    models = CATALOG.format(arguments.batch_size, arguments.batch_seconds)
    with running_service(models=models, log_level="warning") as url:
        gateway = find_gateway()
        with redis.Redis.from_url(gateway.environ()["EASEL_REDIS_URL"]) as queue:
            asyncio.run(measure(url, queue, gateway, arguments))


async def measure(url: str, queue: redis.Redis, gateway: psutil.Process, arguments: argparse.Namespace) -> None:
    """Let everybody wait, and then be served."""
    queue.set("rq:suspended", 1)  # as `rq suspend` does
    followers = [Follower(job_id) for job_id in await submit(url, arguments.clients)]
    before = gateway.memory_info().rss
    connected = asyncio.Semaphore(0)
    streams = [asyncio.create_task(one.follow(url, connected)) for one in followers]
    for _ in streams:
        await connected.acquire()
    grown = gateway.memory_info().rss - before
    each = grown / len(streams) / 1024
    print(f"memory   {before / 2**20:.0f} MB before, {grown / 2**20:.0f} MB more: {each:.0f} kB each")
    print(f"Redis    {queue.pubsub_numsub('easel:moved')[0][1]} subscription(s)")
    await measure_load(gateway, asyncio.sleep(arguments.still_seconds), followers, "still")
    queue.delete("rq:suspended")
    await measure_load(gateway, asyncio.gather(*streams), followers, "drawing")
    report(followers, arguments.batch_seconds)


def find_gateway() -> psutil.Process:
    """Find the gateway among this process's descendants."""
    return next(one for one in psutil.Process().children(recursive=True) if "gateway" in one.cmdline())


async def submit(url: str, count: int) -> list[str]:
    """Submit all jobs, a few at a time."""
    turn = asyncio.Semaphore(SUBMITTERS)

    async def post(http: httpx.AsyncClient, n: int) -> str:
        async with turn:
            body = {"prompt": f"house {n}", "size": "64x64", "num_inference_steps": NUM_STEPS}
            return str((await http.post("/v1/jobs", json=body)).raise_for_status().json()["id"])

    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        return list(await asyncio.gather(*(post(http, n) for n in range(count))))


async def measure_load(gateway: psutil.Process, during: Any, followers: list[Follower], title: str) -> None:
    """Print what the gateway's processor time and its events amount to meanwhile."""
    before, events, started = gateway.cpu_times(), count_events(followers), time.perf_counter()
    await during
    after, seconds = gateway.cpu_times(), time.perf_counter() - started
    cpu = (after.user + after.system - before.user - before.system) / seconds
    rate = (count_events(followers) - events) / seconds
    memory = gateway.memory_info().rss / 2**20
    print(f"{title:8} {100 * cpu:.0f} % of one core over {seconds:.0f} s, {rate:.0f} events/s, {memory:.0f} MB")


def count_events(followers: list[Follower]) -> int:
    """Count what has arrived."""
    return sum(len(one.arrivals) for one in followers)


def report(followers: list[Follower], batch_seconds: float) -> None:
    """Print how late events were, by kind."""
    delays = collections.defaultdict(list)
    for one in followers:
        job = one.arrivals[-1][1]
        started, finished = (dt.datetime.fromisoformat(job[name]).timestamp() for name in ("started_at", "finished_at"))
        for name, data, at in one.arrivals:
            if name == "ended":
                delays["ended"].append(at - finished)
            elif name == "running" and data["step"]:
                delays["step"].append(at - started - batch_seconds * data["step"] / NUM_STEPS)
            elif name == "running":
                delays["started"].append(at - started)
    for name, seconds in delays.items():
        p50, p95 = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
        print(f"{name:8} {len(seconds)} events: {1000 * p50:.0f} ms after the fact (p50), {1000 * p95:.0f} ms (p95)")


if __name__ == "__main__":
    main()
