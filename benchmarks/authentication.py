"""What API keys cost a submission, and what guessing them comes to.

Usage: python -m benchmarks.authentication [--count 2000] [--guesses 10000]

Two services, one open and one that asks for keys, get the same jobs in turn, one at a time, so that whatever else the
machine does meets both alike; nothing is drawn meanwhile. What differs between the two lines without a key is noise.
Then one client sends well-formed keys that are wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import statistics
import time
from collections import Counter
from collections.abc import Iterator

import httpx
import psutil

from app.redis_connections import async_redis
from app.settings import Settings
from app.tenants.key_store import KeyStore
from app.tenants.keys import new_key
from app.tenants.tenant import NO_LIMITS, Limits
from benchmarks.easel_service import describe_machine, running_service

WARM_UP = 50
BODY = {"prompt": "a red fox", "size": "64x64"}
AMPLE = Limits(requests_per_minute=10**6, images_per_minute=10**6, max_open_jobs=10**6, monthly_budget=10**15)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="jobs of each kind")
    parser.add_argument("--guesses", type=int, default=10_000)
    wanted = parser.parse_args()
    print(describe_machine())
    with (
        running_service(access="open", log_level="error") as open_url,
        running_service(access="keys", log_level="error") as keyed_url,
    ):
        free, bound = asyncio.run(prepare())
        callers = {
            "without a key": client(open_url),
            "with a key": client(keyed_url, free),
            "without a key, again": client(open_url),
            "with a key and its limits": client(keyed_url, bound),
        }
        compare(callers, wanted.count)
        guess(client(keyed_url), wanted.guesses)


async def prepare() -> tuple[str, str]:
    """Let no worker draw, and make two keys: one without limits and one with all of them, far away."""
    keys = []
    for address in redis_addresses():
        async with async_redis(Settings(redis_url=address)) as redis:
            await redis.set("rq:suspended", 1)  # as `rq suspend` does
            store = KeyStore(redis)
            keys = [
                (await store.create("acme", limits, now=dt.datetime.now(dt.UTC)))[0] for limits in (NO_LIMITS, AMPLE)
            ]
    return keys[0], keys[1]


def redis_addresses() -> Iterator[str]:
    """Find where the queues of the running services are, the one that asks for keys last."""
    gateways = [one for one in psutil.Process().children(recursive=True) if "gateway" in one.cmdline()]
    for gateway in sorted(gateways, key=lambda one: one.environ()["EASEL_ACCESS"] == "keys"):
        yield gateway.environ()["EASEL_REDIS_URL"]


def client(url: str, key: str | None = None) -> httpx.Client:
    """Return a client that keeps its connection."""
    return httpx.Client(base_url=url, timeout=30, headers={"Authorization": f"Bearer {key}"} if key else {})


def compare(callers: dict[str, httpx.Client], count: int) -> None:
    """Submit in turn, and print how long each kind of submission takes."""
    seconds: dict[str, list[float]] = {name: [] for name in callers}
    for number in range(WARM_UP + count):
        for name, http in callers.items():
            started = time.perf_counter()
            http.post("/v1/jobs", json=BODY).raise_for_status()
            if number >= WARM_UP:
                seconds[name].append(time.perf_counter() - started)
    for name, times in seconds.items():
        cuts = statistics.quantiles(times, n=100)
        print(f"{name:27} p50 {1000 * statistics.median(times):.2f} ms, p99 {1000 * cuts[98]:.2f} ms ({count} jobs)")


def guess(http: httpx.Client, count: int) -> None:
    """Try wrong keys, and print what they were answered."""
    answers, first_refused, started = Counter[int](), 0, time.perf_counter()
    for number in range(1, count + 1):
        status = http.get("/v1/jobs", headers={"Authorization": f"Bearer {new_key()}"}).status_code
        answers[status] += 1
        first_refused = first_refused or (number if status == httpx.codes.TOO_MANY_REQUESTS else 0)
    seconds = time.perf_counter() - started
    print(f"{count} wrong keys in {seconds:.1f} s: {dict(answers)}, the first 429 at key {first_refused}")


if __name__ == "__main__":
    main()
