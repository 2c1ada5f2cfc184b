"""The whole service for somebody to strike at: each process has its own line to Redis, and all share one to S3."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from rq import Worker

from app.redis_connections import sync_redis
from app.settings import Settings
from tests.processes import GatewayProcess, RedisServer, WorkerProcess, free_port
from tests.s3server import S3Server, running_s3_server
from tests.system.faults.links import FaultyLink

NUM_WORKERS = 3
BATCH_SECONDS = 0.04
DISK_BYTES = 128 << 20
CATALOG = 'default = "card"\n[models.card]\nfamily = "testcard"\n'


@dataclass(frozen=True)
class Plan:
    """What the service is made of."""

    num_gateways: int = 0
    storage: str = "file"
    lease_seconds: float = 2.0
    redis_executable: str | None = None
    small_disk: bool = False  # images lie on a disk of their own, which can be filled; needs root


Process = TypeVar("Process", WorkerProcess, GatewayProcess)


@dataclass(frozen=True, eq=False)
class Linked(Generic[Process]):
    """A process of ours and its line to Redis."""

    process: Process
    link: FaultyLink


class Service:
    """Redis, S3 where it is wanted, gateways and workers."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.redis = RedisServer(folder, executable=plan.redis_executable)
        self.settings = Settings(
            redis_url=self.redis.url,
            data_dir=folder,
            lease_seconds=plan.lease_seconds,
            models_file=folder / "models.toml",
        )
        self.gateways: list[Linked[GatewayProcess]] = []
        self.workers: list[Linked[WorkerProcess]] = []
        self.s3: S3Server | None = None
        self.s3_link: FaultyLink | None = None
        self._folder = folder
        self._plan = plan
        self._started = 0
        self._open = contextlib.ExitStack()

    async def start(self) -> None:
        """Start everything and wait until it is ready."""
        (self._folder / "models.toml").write_text(CATALOG)
        (self._folder / "metrics").mkdir()
        if self._plan.small_disk:
            self._mount_small_disk()
        await asyncio.to_thread(self.redis.start)
        if self._plan.storage == "s3":
            await self._start_s3()
        for _ in range(NUM_WORKERS):
            await self.start_worker()
        for _ in range(self._plan.num_gateways):
            await self.start_gateway(free_port())
        for one in (*self.workers, *self.gateways):
            await asyncio.to_thread(one.process.until_ready)

    async def stop_workers(self) -> list[int]:
        """Stop the workers as an operator does, and return their exit codes."""
        codes = []
        for worker in self.workers:
            await asyncio.to_thread(worker.process.until_ready)
            codes.append(await asyncio.to_thread(worker.process.stop))
        return codes

    async def close(self) -> None:
        """End whatever still runs."""
        for one in (*self.workers, *self.gateways):
            one.process.process.kill()
            await asyncio.to_thread(one.process.process.wait)
            await one.link.close()
        self.redis.kill()
        if self.s3_link:
            await self.s3_link.close()
        await asyncio.to_thread(self._open.close)

    async def start_worker(self) -> None:
        """Start one worker more; it is ready some time later."""
        settings, link = await self._linked_settings()
        self._started += 1
        log = self._folder / f"worker-{self._started}.log"
        environment = self._environment | {"TEST_SECONDS": str(BATCH_SECONDS)}
        self.workers.append(Linked(await asyncio.to_thread(WorkerProcess, settings, log, environment), link))

    async def start_gateway(self, port: int) -> None:
        """Start a gateway at this port; it is ready some time later."""
        self.gateways.append(await self._gateway(port))

    async def roll_gateway(self, one: Linked[GatewayProcess]) -> int:
        """Restart a gateway as behind a load balancer, which sends it nothing new meanwhile; return its exit code."""
        self.gateways.remove(one)
        one.process.process.terminate()  # with requests under way
        code = await asyncio.to_thread(one.process.process.wait, 20)
        await one.link.close()
        new = await self._gateway(one.process.port)
        await asyncio.to_thread(new.process.until_ready)
        self.gateways.append(new)
        return code

    async def lose(self, one: Linked) -> None:
        """Kill a process and forget it."""
        one.process.process.kill()
        await asyncio.to_thread(one.process.process.wait)
        await self.forget(one)

    async def forget(self, one: Linked) -> None:
        """Take leave of a process that has ended."""
        for group in (self.workers, self.gateways):
            if one in group:
                group.remove(one)
        await one.link.close()

    async def registered_workers(self) -> dict[int, int]:
        """Return how many jobs each registered worker has in hand, by process id; none while Redis is away."""
        with sync_redis(self.settings) as client:
            workers: Sequence[Worker] = await asyncio.to_thread(Worker.all, connection=client)
        return {worker.pid: worker.current_execution_count for worker in workers if worker.pid}

    async def until_all_registered(self) -> dict[int, int]:
        """Wait until every worker takes jobs: where a process takes seconds to start, striking sooner tells little."""
        deadline = time.monotonic() + 90
        while True:
            registered = await self.registered_workers()
            if all(worker.process.process.pid in registered for worker in self.workers):
                return registered
            if time.monotonic() > deadline:
                raise TimeoutError("a worker does not register: " + self.workers[-1].process.log.read_text()[-2000:])
            await asyncio.sleep(0.05)

    @property
    def _environment(self) -> dict[str, str]:
        return {"PROMETHEUS_MULTIPROC_DIR": str(self._folder / "metrics")}

    async def _gateway(self, port: int) -> Linked[GatewayProcess]:
        settings, link = await self._linked_settings()
        settings = settings.model_copy(update={"port": port})
        log = self._folder / f"gateway-{port}.log"
        return Linked(await asyncio.to_thread(GatewayProcess, settings, log, self._environment), link)

    async def _linked_settings(self) -> tuple[Settings, FaultyLink]:
        link = FaultyLink(partial(asyncio.open_unix_connection, self.redis.socket))
        await link.open()
        return self.settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{link.port}/0"}), link

    async def _start_s3(self) -> None:
        folder = self._folder / "s3"
        folder.mkdir()
        self.s3 = await asyncio.to_thread(self._open.enter_context, running_s3_server(folder))
        server = urlsplit(self.s3.endpoint_url)
        self.s3_link = FaultyLink(partial(asyncio.open_connection, server.hostname, server.port))
        await self.s3_link.open()
        bucket = f"faults-{uuid.uuid4()}"
        await asyncio.to_thread(self.s3.client().create_bucket, Bucket=bucket)
        self.settings = Settings(
            **{name: getattr(self.settings, name) for name in self.settings.model_fields_set},
            storage="s3",
            s3_bucket=bucket,
            s3_endpoint_url=f"http://127.0.0.1:{self.s3_link.port}",
            s3_public_endpoint_url=self.s3.endpoint_url,
            s3_access_key_id=self.s3.access_key_id,
            s3_secret_access_key=self.s3.secret_access_key,
            s3_path_style=True,
            s3_timeout_seconds=2,
        )

    def _mount_small_disk(self) -> None:
        disk = self._folder / "objects"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", disk], check=True)
        self._open.callback(subprocess.run, ["umount", "--lazy", disk], check=True)
