"""Clients: they hand in jobs at a steady rate, and ask again with the same key until they are told an id."""

from __future__ import annotations

import asyncio
import random
import time

from tests.system.faults.doors import Door, Refused
from tests.system.faults.ledger import Ledger

_PAUSE_SECONDS = (0.3, 1.0)
_ASK_AGAIN = 0.1  # share of clients that send an accepted request once more


async def submit_all(door: Door, ledger: Ledger, rnd: random.Random, num_jobs: int, jobs_per_second: float) -> None:
    """Be one client for each job; each begins when it is due, however the others fare."""
    start = time.monotonic()
    async with asyncio.TaskGroup() as clients:
        for number in range(num_jobs):
            await asyncio.sleep(max(0.0, start + number / jobs_per_second - time.monotonic()))
            clients.create_task(_be_client(door, ledger, rnd, number))


async def _be_client(door: Door, ledger: Ledger, rnd: random.Random, number: int) -> None:
    key = f"key-{number}"
    ledger.accepted[key] = await _until_accepted(door, ledger, rnd, number, key)
    if rnd.random() < _ASK_AGAIN and await _until_accepted(door, ledger, rnd, number, key) != ledger.accepted[key]:
        ledger.contradictions.append(key)


async def _until_accepted(door: Door, ledger: Ledger, rnd: random.Random, number: int, key: str) -> str:
    while True:
        asked_at = time.monotonic()
        try:
            return await door.submit(number, key)
        except Refused as refusal:
            ledger.refusals[str(refusal)] += 1
            ledger.longest_refusal_seconds = max(ledger.longest_refusal_seconds, time.monotonic() - asked_at)
        await asyncio.sleep(rnd.uniform(*_PAUSE_SECONDS))
