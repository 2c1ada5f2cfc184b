"""What is done to the service, one function for each kind of fault; each returns when what it broke is whole again."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from app.queue_scripts import ScriptName, script
from app.redis_connections import sync_redis
from tests.processes import ROOT, WorkerProcess
from tests.system.faults.ledger import Ledger
from tests.system.faults.service import Linked, Service

OUTAGE_SECONDS = 4.0
_PAST_THE_LEASE = 1.6  # leases
_LATENCY_SECONDS = 0.2
_LOOK_SECONDS = 0.05
_ASKED_SECONDS = 5
_PAGE_BYTES = 4096


class Strikes:
    """Somebody who wishes the service ill."""

    def __init__(self, service: Service, ledger: Ledger, rnd: random.Random) -> None:
        self._service = service
        self._ledger = ledger
        self._rnd = rnd

    async def strike(self, kind: str) -> None:
        """Do one of the things below."""
        self._ledger.strikes[kind] += 1
        await getattr(self, kind)()

    async def kill(self) -> None:
        """SIGKILL a worker."""
        await self._service.lose(await self._busy_worker())
        await self._service.start_worker()

    async def term(self) -> None:
        """SIGTERM a worker."""
        worker = await self._busy_worker()
        self._ledger.exit_codes[await asyncio.to_thread(worker.process.stop)] += 1
        await self._service.forget(worker)
        await self._service.start_worker()

    async def stop(self) -> None:
        """SIGSTOP a worker past its lease."""
        pid = (await self._busy_worker()).process.process.pid
        os.kill(pid, signal.SIGSTOP)
        await self._past_the_lease()
        os.kill(pid, signal.SIGCONT)

    async def partition(self) -> None:
        """Keep a worker from Redis past its lease, and from the news that it is."""
        link = (await self._busy_worker()).link
        link.freeze()
        await self._past_the_lease()
        link.thaw()

    async def cut(self) -> None:
        """Reset the connections of one process to Redis."""
        self._rnd.choice([*self._service.workers, *self._service.gateways]).link.cut()

    async def lost_claim(self) -> None:
        """Lose Redis's answer to a claim."""
        await self._lose_answer("claim", self._service.workers)

    async def lost_commit(self) -> None:
        """Lose Redis's answer to a commit."""
        await self._lose_answer("commit", self._service.workers)

    async def lost_renewal(self) -> None:
        """Lose Redis's answer to the renewal of a lease."""
        await self._lose_answer("renew", self._service.workers)

    async def lost_submission(self) -> None:
        """Lose Redis's answer to a submission."""
        await self._lose_answer("submit", self._service.gateways)

    async def latency(self) -> None:
        """Let everybody wait for Redis."""
        links = [one.link for one in (*self._service.workers, *self._service.gateways)]
        for link in links:
            link.delay_seconds = _LATENCY_SECONDS
        await asyncio.sleep(OUTAGE_SECONDS)
        for link in links:
            link.delay_seconds = 0.0

    async def redis(self) -> None:
        """SIGKILL Redis, which comes back with its append-only file."""
        await asyncio.to_thread(self._service.redis.kill)
        await asyncio.sleep(OUTAGE_SECONDS)
        await asyncio.to_thread(self._service.redis.start)

    async def memory(self) -> None:
        """Let Redis be full."""
        with sync_redis(self._service.settings) as client:
            await asyncio.to_thread(client.config_set, "maxmemory", 1)
            await asyncio.sleep(OUTAGE_SECONDS)
            await asyncio.to_thread(client.config_set, "maxmemory", 0)

    async def info(self) -> None:
        """Run `rq info`, whose clean-up fails abandoned jobs."""
        command = [str(ROOT / ".venv/bin/rq"), "info", "--url", self._service.settings.redis_url]
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)

    async def gateway(self) -> None:
        """SIGKILL a gateway while clients submit."""
        one = self._rnd.choice(self._service.gateways)
        await self._service.lose(one)
        await self._service.start_gateway(one.process.port)
        await asyncio.to_thread(self._service.gateways[-1].process.until_ready)

    async def roll(self) -> None:
        """SIGTERM a gateway that a load balancer has stopped asking, and replace it."""
        self._ledger.exit_codes[await self._service.roll_gateway(self._rnd.choice(self._service.gateways))] += 1

    async def s3(self) -> None:
        """SIGKILL the process that speaks S3, and start it again."""
        s3 = self._service.s3
        assert s3
        s3.processes["rgw"].kill()
        await asyncio.to_thread(s3.processes["rgw"].wait)
        await asyncio.sleep(OUTAGE_SECONDS)
        await asyncio.to_thread(s3.start_gateway)

    async def frozen_s3(self) -> None:
        """Let S3 be silent."""
        assert self._service.s3_link
        self._service.s3_link.freeze()
        await asyncio.sleep(OUTAGE_SECONDS)
        self._service.s3_link.thaw()

    async def cut_s3(self) -> None:
        """Reset all connections to S3."""
        assert self._service.s3_link
        self._service.s3_link.cut()

    async def disk(self) -> None:
        """Fill the disk on which the images lie."""
        ballast = self._service.settings.data_dir / "objects" / ".ballast"
        await asyncio.to_thread(_fill_disk, ballast)
        await asyncio.sleep(OUTAGE_SECONDS)
        ballast.unlink()

    async def _lose_answer(self, name: ScriptName, group: Sequence[Linked]) -> None:
        digest = hashlib.sha1(script(name).encode(), usedforsecurity=False).hexdigest()  # by which Redis knows scripts
        if not await self._rnd.choice(group).link.lose_answer_to(digest.encode(), within_seconds=_ASKED_SECONDS):
            self._ledger.strikes[f"nobody asked for a {name}"] += 1

    async def _past_the_lease(self) -> None:
        await asyncio.sleep(_PAST_THE_LEASE * self._service.settings.lease_seconds)

    async def _busy_worker(self) -> Linked[WorkerProcess]:
        """Pick a worker once all are registered, within half a second one with a batch in hand."""
        registered = await self._service.until_all_registered()
        for _ in range(10):
            busy = [worker for worker in self._service.workers if registered.get(worker.process.process.pid)]
            if busy:
                self._ledger.busy_strikes += 1
                return self._rnd.choice(busy)
            await asyncio.sleep(_LOOK_SECONDS)
            registered = await self._service.registered_workers()
        return self._rnd.choice(self._service.workers)


def _fill_disk(ballast: Path) -> None:
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(_PAGE_BYTES))
