"""What a flood of submissions does to a gateway: its memory, its answers, and whether refusals are honest.

Usage: python -m benchmarks.flood [--requests 20000] [--connections 200]

Nobody draws meanwhile, so the queue fills up to its bound and everything beyond is refused. Refused requests are not
sent again. Exits with 1 if the gateway has grown by more than 50 MB, if a refusal is no 503 with a Retry-After of at
most 120 s, or if more was accepted than the bound allows.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator

import httpx
import psutil
import redis

from benchmarks.easel_service import describe_machine, running_service
from benchmarks.service import percentiles, warm_up

ACCEPTED, REFUSED = "202", "503 queue_full"
QUEUE_LENGTH = 10_000
SAMPLE_SECONDS = 0.1
LARGEST_GROWTH_BYTES = 50 * 2**20
LONGEST_RETRY_AFTER_SECONDS = 120


def main() -> None:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=200)
    wanted = parser.parse_args()
    print(describe_machine())
    with running_service(max_queue_length=str(QUEUE_LENGTH), log_level="warning") as url:
        gateway = next(one for one in psutil.Process().children(recursive=True) if "gateway" in one.cmdline())
        sys.exit(not asyncio.run(flood(url, gateway, wanted.requests, wanted.connections)))


async def flood(url: str, gateway: psutil.Process, num_requests: int, num_connections: int) -> bool:
    """Send all requests, each connection one after the other; tell whether all held."""
    limits = httpx.Limits(max_connections=num_connections, max_keepalive_connections=num_connections)
    answers: list[tuple[str, float]] = []
    numbers = iter(range(num_requests))
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as http:
        await warm_up(http)
        with redis.Redis.from_url(gateway.environ()["EASEL_REDIS_URL"]) as queue:
            queue.set("rq:suspended", 1)  # as `rq suspend` does
        memory, started = [gateway.memory_info().rss], time.perf_counter()
        watching = asyncio.create_task(watch(gateway, memory))
        await asyncio.gather(*(send_all(http, numbers, answers) for _ in range(num_connections)))
        seconds = time.perf_counter() - started
        watching.cancel()
    counts, grown = Counter(answer for answer, _ in answers), max(memory) - memory[0]
    print(f"answers  {dict(counts)} in {seconds:.0f} s, {num_requests / seconds:.0f}/s")
    print(f"latency  {percentiles([latency for _, latency in answers])}")
    print(f"memory   {memory[0] / 2**20:.0f} MB before, at most {grown / 2**20:.0f} MB more")
    honest = counts.keys() <= {ACCEPTED, REFUSED} and counts[ACCEPTED] <= QUEUE_LENGTH
    return honest and grown <= LARGEST_GROWTH_BYTES


async def send_all(http: httpx.AsyncClient, numbers: Iterator[int], answers: list[tuple[str, float]]) -> None:
    """Send request after request while there are any; write down what was answered, and after how many seconds."""
    for number in numbers:
        started = time.perf_counter()
        answer = await http.post("/v1/jobs", json={"prompt": f"A pink house, number {number}", "size": "64x64"})
        said = str(answer.status_code)
        if not answer.is_success:
            waits = 0 < int(answer.headers.get("retry-after", 0)) <= LONGEST_RETRY_AFTER_SECONDS
            said += f" {answer.json()['code']}" + ("" if waits else " without an honest Retry-After")
        answers.append((said, time.perf_counter() - started))


async def watch(gateway: psutil.Process, memory: list[int]) -> None:
    """Write down what the gateway occupies, in bytes, until cancelled."""
    while True:
        await asyncio.sleep(SAMPLE_SECONDS)
        memory.append(gateway.memory_info().rss)


if __name__ == "__main__":
    main()
