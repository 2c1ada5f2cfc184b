"""Compares what clients were told with RQ's results, the stored images, what is left in Redis, and `/metrics`."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib

import httpx
import redis
from rq.job import Job
from rq.results import Result
from rq.serializers import JSONSerializer

from app.errors import EaselError, QueueUnavailable
from app.jobs import JobQueue
from app.messages import JobRecord
from app.redis_connections import sync_redis
from tests.metrics_sample import families
from tests.system.faults.doors import Door
from tests.system.faults.ledger import Ledger
from tests.system.faults.service import Service

END_SECONDS = 180
COUNTERS = ("jobs_submitted", "jobs_finished", "images", "job_retries", "leases_lost", "fenced_commits", "jobs_refused")
MUST_BE_EMPTY = ("rq:wip:*", "rq:execution*", "rq:worker:*:executions", "rq:queue:*", "easel:order:*", "easel:open:*")
_AT_ONCE = 8


async def until_all_ended(queue: JobQueue, ledger: Ledger) -> None:
    """Read each accepted job once it has ended.

    Raises:
        TimeoutError: one does not end.
    """
    async with asyncio.timeout(END_SECONDS):
        for job_id in set(ledger.accepted.values()):
            while True:
                with contextlib.suppress(QueueUnavailable):
                    job = await queue.wait(job_id, 10)
                    if job.status.is_final:
                        break
                await asyncio.sleep(0.1)
            ledger.jobs.append(job)


async def audit(ledger: Ledger, service: Service, door: Door) -> None:
    """Write down what is true at the end."""
    with sync_redis(service.settings) as client:
        ledger.listed = client.zcard("easel:jobs")
        for job in ledger.jobs:
            ledger.successful_results[_successful_results(client, job)] += 1
        for pattern in MUST_BE_EMPTY:
            ledger.leftovers += [key.decode() for key in client.scan_iter(pattern)]
    limit = asyncio.Semaphore(_AT_ONCE)
    await asyncio.gather(*(_compare_images(door, job, ledger, limit) for job in ledger.jobs))
    if service.gateways:
        ledger.counters = _counters(service.gateways[0].process.url)


def _successful_results(client: redis.Redis, job: JobRecord) -> int:
    results = Job(job.id, connection=client, serializer=JSONSerializer).results()
    return sum(result.type is Result.Type.SUCCESSFUL for result in results)


async def _compare_images(door: Door, job: JobRecord, ledger: Ledger, limit: asyncio.Semaphore) -> None:
    """Fetch a job's images as its owner does; each must be there and be the one that was recorded."""
    recorded = [image.sha256 for image in job.outcome.images] if job.outcome else []
    async with limit:
        try:
            found = [hashlib.sha256(image).hexdigest() for image in await door.images(job)]
        except (EaselError, httpx.HTTPError) as error:
            found = [repr(error)]
    if found != recorded:
        ledger.wrong_images.append(f"{job.id}: {found}")


def _counters(url: str) -> dict[str, float]:
    """Add up the counters of all processes, dead ones included: any gateway's page shows them."""
    page = families(httpx.get(f"{url}/metrics", timeout=30).content)
    named = {name: page.get(f"easel_{name}_total") for name in COUNTERS}
    return {name: sum(sample.value for sample in family.samples) for name, family in named.items() if family}
