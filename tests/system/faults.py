"""Strikes at workers while jobs arrive, keeps a ledger of what the client was told, and compares it with the truth.

Run it by itself for longer: `python -m tests.system.faults kill --jobs 500 --seed 3`.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import dataclasses
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal, get_args

from rq import Worker
from rq.job import Job
from rq.results import Result
from rq.serializers import JSONSerializer

from app.errors import QueueUnavailable
from app.job_records import PRIORITIES
from app.jobs import JobQueue
from app.messages import JobMessage, JobRecord
from app.redis_connections import async_redis, sync_redis
from app.settings import Settings
from models.interface import GenerationRequest
from tests.processes import ROOT, RedisServer, WorkerProcess

Fault = Literal["kill", "term", "stop", "redis", "info", "mix"]
NUM_WORKERS = 3
BATCH_SECONDS = 0.04


@dataclasses.dataclass
class Ledger:
    """What the client was told, and what was found at the end."""

    seed: int
    strikes: int = 0
    kinds: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    busy_strikes: int = 0
    refusals: int = 0
    longest_refusal_seconds: float = 0.0
    accepted: list[str] = dataclasses.field(default_factory=list)
    jobs: list[JobRecord] = dataclasses.field(default_factory=list)
    successful_results: collections.Counter[int] = dataclasses.field(default_factory=collections.Counter)
    wrong_objects: list[str] = dataclasses.field(default_factory=list)
    leftovers: list[str] = dataclasses.field(default_factory=list)
    exit_codes: collections.Counter[int] = dataclasses.field(default_factory=collections.Counter)

    @property
    def statuses(self) -> dict[str, int]:
        """How many jobs ended how."""
        return dict(collections.Counter(job.status.value for job in self.jobs))

    @property
    def attempts(self) -> dict[int, int]:
        """How many jobs needed how many attempts."""
        return dict(sorted(collections.Counter(job.attempts for job in self.jobs).items()))

    @property
    def holds(self) -> bool:
        """Whether each accepted job has succeeded, with one visible result, and nothing was left behind."""
        count = len(set(self.accepted))
        once = self.statuses == {"succeeded": count} and self.successful_results == {1: count}
        return once and not self.wrong_objects and not self.leftovers

    @property
    def worst_seconds(self) -> float:
        """The longest time from acceptance to outcome."""
        return max((job.finished_at - job.created_at).total_seconds() for job in self.jobs if job.finished_at)


class FaultRun:
    """One run: clients that submit, workers that draw, and somebody who strikes."""

    def __init__(self, folder: Path, redis: RedisServer, fault: Fault, seed: int, lease_seconds: float) -> None:
        self.settings = Settings(redis_url=redis.url, data_dir=folder, lease_seconds=lease_seconds)
        self.ledger = Ledger(seed)
        self._redis = redis
        self._fault = fault
        self._rnd = random.Random(seed)
        self._workers: list[WorkerProcess] = []
        self._started = 0
        self._calm = asyncio.Event()

    async def run(self, num_jobs: int, jobs_per_second: float, strike_every_seconds: float) -> Ledger:
        """Do everything; each job has ended when this returns, or TimeoutError is raised."""
        async with async_redis(self.settings) as client:
            queue = JobQueue(client, self.settings)
            for _ in range(NUM_WORKERS):
                self._start_worker()
            for worker in self._workers:
                await asyncio.to_thread(worker.until_ready)
            strikes = asyncio.create_task(self._strike_until_calm(strike_every_seconds))
            await self._submit(queue, num_jobs, jobs_per_second)
            self._calm.set()
            await strikes  # a strike under way is finished: what it broke is whole again
            await self._until_all_ended(queue)
            await asyncio.to_thread(self._stop_workers)
            await queue.close()
        self._audit()
        return self.ledger

    def _start_worker(self) -> None:
        self._started += 1
        log = self.settings.data_dir / f"worker-{self._started}.log"
        self._workers.append(WorkerProcess(self.settings, log, {"TEST_SECONDS": str(BATCH_SECONDS)}))

    async def _submit(self, queue: JobQueue, num_jobs: int, jobs_per_second: float) -> None:
        """Submit at a steady rate; after a refusal the same key is sent again until the job is accepted."""
        start = time.monotonic()
        for number in range(num_jobs):
            await asyncio.sleep(max(0.0, start + number / jobs_per_second - time.monotonic()))
            request = GenerationRequest(prompt=f"fox {number}", width=8, height=8, seed=number)
            message = JobMessage(model="card", request=request, tenant=f"tenant-{number % 5}")
            while True:
                asked_at = time.monotonic()
                try:
                    job = await queue.submit(
                        message,
                        batch_key=self._rnd.choice("abc"),
                        cost=1.0,
                        idempotency_key=f"key-{number}",
                        priority=self._rnd.choice(PRIORITIES),
                    )
                    self.ledger.accepted.append(job.id)
                    break
                except QueueUnavailable:
                    self.ledger.refusals += 1
                    took = time.monotonic() - asked_at
                    self.ledger.longest_refusal_seconds = max(self.ledger.longest_refusal_seconds, took)
                    await asyncio.sleep(0.2)

    async def _strike_until_calm(self, every_seconds: float) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._calm.wait(), every_seconds * self._rnd.uniform(0.5, 1.5))
                return
            kinds = ("kill", "term", "stop", "redis", "info") if self._fault == "mix" else (self._fault,)
            kind = self._rnd.choice(kinds)
            self.ledger.strikes += 1
            self.ledger.kinds[kind] += 1
            await getattr(self, f"_strike_with_{kind}")()

    async def _strike_with_kill(self) -> None:
        worker = await asyncio.to_thread(self._busy_worker)
        worker.process.kill()
        await asyncio.to_thread(worker.process.wait)
        self._workers.remove(worker)
        self._start_worker()

    async def _strike_with_term(self) -> None:
        worker = await asyncio.to_thread(self._busy_worker)
        self.ledger.exit_codes[await asyncio.to_thread(worker.stop)] += 1
        self._workers.remove(worker)
        self._start_worker()

    async def _strike_with_stop(self) -> None:
        worker = await asyncio.to_thread(self._busy_worker)
        os.kill(worker.process.pid, signal.SIGSTOP)
        await asyncio.sleep(1.6 * self.settings.lease_seconds)
        os.kill(worker.process.pid, signal.SIGCONT)

    async def _strike_with_redis(self) -> None:
        await asyncio.to_thread(self._redis.kill)
        await asyncio.sleep(4)
        await asyncio.to_thread(self._redis.start)
        await asyncio.sleep(6)

    async def _strike_with_info(self) -> None:
        command = [str(ROOT / ".venv/bin/rq"), "info", "--url", self.settings.redis_url]
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)

    def _busy_worker(self) -> WorkerProcess:
        """Pick a worker once all are registered, within half a second one with a batch in hand.

        Where a process takes seconds to start, striking sooner would measure only that.
        """
        deadline = None
        with sync_redis(self.settings) as client:
            while True:
                registered = {worker.pid: worker.current_execution_count for worker in Worker.all(connection=client)}
                ready = [worker for worker in self._workers if worker.process.pid in registered]
                if len(ready) < NUM_WORKERS:
                    time.sleep(0.05)
                    continue
                deadline = deadline or time.monotonic() + 0.5
                if busy := [worker for worker in ready if registered[worker.process.pid]]:
                    self.ledger.busy_strikes += 1
                    return self._rnd.choice(busy)
                if time.monotonic() > deadline:
                    return self._rnd.choice(ready)

    async def _until_all_ended(self, queue: JobQueue) -> None:
        async with asyncio.timeout(120):
            for job_id in self.ledger.accepted:
                while True:
                    with contextlib.suppress(QueueUnavailable):
                        job = await queue.wait(job_id, 10)
                        if job.status.is_final:
                            break
                    await asyncio.sleep(0.1)
                self.ledger.jobs.append(job)

    def _stop_workers(self) -> None:
        for worker in self._workers:
            worker.until_ready()
            self.ledger.exit_codes[worker.stop()] += 1

    def _audit(self) -> None:
        """Compare what the jobs' records say with RQ's results, the stored objects and what is left in Redis."""
        with sync_redis(self.settings) as client:
            for job in self.ledger.jobs:
                results = Job(job.id, connection=client, serializer=JSONSerializer).results()
                self.ledger.successful_results[sum(r.type is Result.Type.SUCCESSFUL for r in results)] += 1
                for image in job.outcome.images if job.outcome else ():
                    stored = next(self.settings.data_dir.rglob(image.key), None)
                    if stored is None or hashlib.sha256(stored.read_bytes()).hexdigest() != image.sha256:
                        self.ledger.wrong_objects.append(image.key)
            for pattern in ("rq:wip:*", "rq:execution*", "rq:worker:*:executions", "rq:queue:*", "easel:order:*"):
                self.ledger.leftovers += [key.decode() for key in client.scan_iter(pattern)]


async def run_faults(
    fault: Fault,
    *,
    num_jobs: int,
    seed: int,
    jobs_per_second: float = 60,
    strike_every_seconds: float = 1.0,
    lease_seconds: float = 2.0,
    redis_executable: str | None = None,
) -> Ledger:
    """Run one kind of fault on a Redis and workers of its own."""
    with tempfile.TemporaryDirectory(prefix="easel-faults-", ignore_cleanup_errors=True) as folder:
        redis = RedisServer(Path(folder), executable=redis_executable)
        redis.start()
        run = FaultRun(Path(folder), redis, fault, seed, lease_seconds)
        try:
            return await run.run(num_jobs, jobs_per_second, strike_every_seconds)
        finally:
            for worker in run._workers:
                worker.process.kill()
            redis.kill()


def main() -> None:
    """Run from the command line and print the ledger."""
    parser = argparse.ArgumentParser()
    parser.add_argument("fault", choices=get_args(Fault))
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=60, help="jobs per second")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between strikes")
    parser.add_argument("--redis", default=None, help="another redis-server")
    options = parser.parse_args()
    ledger = asyncio.run(
        run_faults(
            options.fault,
            num_jobs=options.jobs,
            seed=options.seed,
            jobs_per_second=options.rate,
            strike_every_seconds=options.every,
            redis_executable=options.redis,
        )
    )
    print(  # noqa: T201
        f"{options.fault} seed {ledger.seed}: {len(ledger.jobs)} jobs, {ledger.strikes} strikes "
        f"({dict(ledger.kinds)}, {ledger.busy_strikes} at busy workers); {ledger.statuses}; successful results per job "
        f"{dict(ledger.successful_results)}; attempts {ledger.attempts}; worst {ledger.worst_seconds:.1f} s; "
        f"wrong objects {ledger.wrong_objects}; left over {ledger.leftovers}; exit codes {dict(ledger.exit_codes)}; "
        f"refusals {ledger.refusals}, the longest after {ledger.longest_refusal_seconds:.1f} s"
    )
    sys.exit(not ledger.holds)


if __name__ == "__main__":
    main()
