"""Simulate how long a worker waits for company: `python -m benchmarks.waiting_for_company`.

One worker draws batches of at most eight; its clients send their next job when they have the last one's image, or jobs
arrive at random. The clock is simulated and the seed fixed, so the figures are the same on every machine.
"""

from __future__ import annotations

import heapq
import itertools
import random
import statistics
from collections.abc import Callable, Iterator

from workers.company import Company

MAX_BATCH = 8
MODELS: dict[str, Callable[[int], float]] = {  # seconds for a batch of n
    "200 ms a batch": lambda _: 0.2,
    "20 ms a batch": lambda _: 0.02,
    "50 ms + 50 ms an image": lambda size: 0.05 + 0.05 * size,
}
RETURN_SECONDS = (0.010, 0.005)  # from a batch's end to a client's next job: what it takes at least, and the mean more


def arrivals(rate: float, rng: random.Random, until: float) -> Iterator[tuple[float, None]]:
    """Yield the times of jobs that arrive at random, `rate` a second."""
    now = rng.expovariate(rate)
    while now < until:
        yield now, None
        now += rng.expovariate(rate)


def simulate(
    setting: float | str, batch_seconds: Callable[[int], float], *, clients: int = 0, rate: float = 0.0
) -> tuple[float, float, float]:
    """Return the mean time of a job in seconds, jobs a second, and the mean batch."""
    rng, company, until = random.Random(0), Company(setting), 1000 * batch_seconds(MAX_BATCH)  # type: ignore[arg-type]
    order = itertools.count()
    events = [(now, next(order), "job", client) for now, client in arrivals(rate, rng, until)] if rate else []
    events += [(rng.random() / 2, next(order), "job", client) for client in range(clients)]
    heapq.heapify(events)
    queue, drawn, sizes, batch, started = [], [], [], [], 0.0
    while events and events[0][0] < until:
        now, _, what, client = heapq.heappop(events)
        if what == "job":
            company.arrived(now)
            queue.append((now, client))
        elif what == "end":
            company.batch_ended(now, num_jobs=len(batch), seconds=now - started)
            drawn += [now - since for since, _ in batch]
            for _, asker in batch:
                if asker is not None:
                    back = now + RETURN_SECONDS[0] + rng.expovariate(1 / RETURN_SECONDS[1])
                    heapq.heappush(events, (back, next(order), "job", asker))
            batch = []
        if batch or not queue:
            continue
        starts_at = max(now + company.returning_seconds(now), queue[0][0] + company.seconds)
        if len(queue) < MAX_BATCH and starts_at > now:
            heapq.heappush(events, (starts_at, next(order), "look", None))
            continue
        batch, queue, started = queue[:MAX_BATCH], queue[MAX_BATCH:], now
        sizes.append(len(batch))
        heapq.heappush(events, (now + batch_seconds(len(batch)), next(order), "end", None))
    return statistics.mean(drawn), len(drawn) / until, statistics.mean(sizes)


def main() -> None:
    """Print a table: for each model and load, no wait, a fixed one, and what `auto` makes of it."""
    settings = (0.0, 0.02, "auto")
    print("| generator | load |", *(f"`{setting}`: mean ms, jobs/s, batch |" for setting in settings))
    print("|---|---|" + "---|" * len(settings))
    for name, batch_seconds in MODELS.items():
        capacity = MAX_BATCH / batch_seconds(MAX_BATCH)
        loads = [{"clients": number} for number in (1, 2, 8, 12)] + [{"rate": part * capacity} for part in (0.1, 0.5)]
        for load in loads:
            results = (simulate(setting, batch_seconds, **load) for setting in settings)  # type: ignore[arg-type]
            cells = (f"{1000 * mean:.0f}, {rate:.1f}, {size:.1f} |" for mean, rate, size in results)
            print(f"| {name} | {' '.join(f'{n:g} {what}' for what, n in load.items())} |", *cells)


if __name__ == "__main__":
    main()
