"""One run: clients that submit, a service that draws, somebody who strikes, and an audit at the end."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx

from app.jobs import JobQueue
from app.redis_connections import async_redis
from app.storage import open_store
from tests.system.faults.audit import audit, until_all_ended
from tests.system.faults.clients import submit_all
from tests.system.faults.doors import Door, GatewayDoor, QueueDoor
from tests.system.faults.ledger import Ledger
from tests.system.faults.service import Plan, Service
from tests.system.faults.strikes import Strikes

OF_WORKERS = ("kill", "term", "stop", "partition")
OF_REDIS = ("redis", "cut", "lost_claim", "lost_commit", "lost_renewal", "latency", "memory", "info")
OF_GATEWAYS = ("gateway", "roll", "lost_submission")
OF_S3 = ("s3", "frozen_s3", "cut_s3")
OF_DISKS = ("disk",)
KINDS = (*OF_WORKERS, *OF_REDIS, *OF_GATEWAYS, *OF_S3, *OF_DISKS)


def possible(plan: Plan) -> tuple[str, ...]:
    """Name what can be done to such a service."""
    storage = OF_S3 if plan.storage == "s3" else OF_DISKS if plan.small_disk else ()
    return (*OF_WORKERS, *OF_REDIS, *(OF_GATEWAYS if plan.num_gateways else ()), *storage)


async def run_faults(
    kinds: Sequence[str],
    *,
    num_jobs: int,
    seed: int,
    jobs_per_second: float = 60,
    strike_every_seconds: float = 1.0,
    plan: Plan | None = None,
    keep: bool = False,
) -> Ledger:
    """Strike at a service of its own, each time with one of these kinds at random, while jobs arrive.

    Raises:
        TimeoutError: an accepted job does not end.
    """
    ledger, rnd = Ledger(seed), random.Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="easel-faults-"))
    service = Service(folder, plan or Plan())
    try:
        await service.start()
        async with _parts(service, rnd) as (queue, door):
            calm = asyncio.Event()
            strikes = Strikes(service, ledger, rnd)
            striking = asyncio.create_task(_strike_until(calm, strikes, kinds, rnd, strike_every_seconds))
            await submit_all(door, ledger, rnd, num_jobs, jobs_per_second)
            calm.set()
            await striking
            await until_all_ended(queue, ledger)
            ledger.exit_codes.update(await service.stop_workers())
            await audit(ledger, service, door)
    finally:
        await service.close()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    return ledger


async def _strike_until(
    calm: asyncio.Event, strikes: Strikes, kinds: Sequence[str], rnd: random.Random, every_seconds: float
) -> None:
    """Strike, each kind once before any comes again; a strike under way is finished: what it broke is whole again.

    A strike that takes longer than the time to the next puts that off, or nobody would ever be served.
    """
    left: list[str] = []
    clock = asyncio.get_running_loop().time
    due = clock()
    while not calm.is_set():
        due = max(due, clock()) + every_seconds * rnd.uniform(0.5, 1.5)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(calm.wait(), due - clock())
            return
        left = left or rnd.sample(kinds, len(kinds))
        await strikes.strike(left.pop())


@contextlib.asynccontextmanager
async def _parts(service: Service, rnd: random.Random) -> AsyncIterator[tuple[JobQueue, Door]]:
    async with async_redis(service.settings) as client, httpx.AsyncClient() as http:
        queue = JobQueue(client, service.settings)
        try:
            if service.gateways:
                yield queue, GatewayDoor(http, lambda: [gateway.process.url for gateway in service.gateways])
            else:
                yield queue, QueueDoor(queue, open_store(service.settings), rnd)
        finally:
            await queue.close()
