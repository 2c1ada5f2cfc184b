"""Run the whole service on one machine: Redis, gateway and workers as child processes, restarted when they die.

The order of stopping is what makes Ctrl-C safe: the gateway first (nothing new comes in), then the workers
(the batch in hand is finished, the rest stays queued), Redis last (all of that is written down). When this process
is killed, so that it can stop nothing, the leash on each of them does it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from app.embedded_redis import EmbeddedRedis, EmbeddedRedisError, embedded_redis
from app.leash import leashed
from app.redis_connections import REDIS_DOWN, async_redis, check_async
from app.settings import Settings
from app.tenants.access import check_access

log = structlog.get_logger()

FIRST_RESTART_SECONDS = 0.5
LONGEST_RESTART_SECONDS = 30.0
REDIS_START_SECONDS = 10.0
REDIS_STOP_SECONDS = 20.0
GATEWAY_STOP_SECONDS = 10.0


class DataFolderInUseError(Exception):
    """Another service runs on the same data folder."""


@dataclass
class Service:
    """A child process that is started again, after a growing pause, whenever it ends on its own."""

    name: str
    command: list[str]
    environment: dict[str, str]
    stop_seconds: float
    inherited: tuple[int, ...] = ()
    process: asyncio.subprocess.Process | None = None
    _stopping: bool = False
    _watch: asyncio.Task[None] | None = field(default=None, repr=False)

    async def start(self) -> None:
        """Start the process and watch over it."""
        await self._spawn()
        self._watch = asyncio.create_task(self._restart_forever())

    async def stop(self) -> None:
        """Ask the process to end, and end it when its time is up."""
        self._stopping = True
        if self._watch:
            self._watch.cancel()
        if self.process is None or self.process.returncode is not None:
            return
        self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), self.stop_seconds)
        except TimeoutError:
            log.warning("service_killed", service=self.name, after_seconds=self.stop_seconds)
            self.signal(signal.SIGKILL)
            await self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if the process is still there."""
        if self.process and self.process.returncode is None:
            self.process.send_signal(number)

    async def _spawn(self) -> None:
        # A session of its own: Ctrl-C reaches the supervisor alone, which stops its children in order.
        self.process = await asyncio.create_subprocess_exec(
            *leashed(self.command),
            env=os.environ | self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=self.inherited,
        )

    async def _restart_forever(self) -> None:
        pause = FIRST_RESTART_SECONDS
        clock = asyncio.get_running_loop().time
        while self.process and not self._stopping:
            started = clock()
            code = await self.process.wait()
            if clock() - started > LONGEST_RESTART_SECONDS:
                pause = FIRST_RESTART_SECONDS
            log.warning("service_ended", service=self.name, exit_code=code, restart_in_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_RESTART_SECONDS)
            await self._spawn()


@dataclass(frozen=True)
class RunningService:
    """What `easel run` has started."""

    url: str
    redis_url: str
    gateway: Service
    workers: tuple[Service, ...]

    def reload(self) -> None:
        """Have gateway and workers read the list of models again."""
        for service in (self.gateway, *self.workers):
            service.signal(signal.SIGHUP)


@contextlib.contextmanager
def data_folder_lock(data_dir: Path) -> Iterator[int]:
    """Hold the data folder for this service; children inherit the lock, so it lasts as long as any of them.

    Raises:
        DataFolderInUseError: somebody else holds it.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataFolderInUseError(f"another Easel is using the data folder {data_dir.resolve()}") from error
        yield file.fileno()


def listening_socket(host: str, port: int) -> socket.socket:
    """Bind the gateway's address here, so that the port is known at once and outlives a gateway that restarts.

    Raises:
        OSError: the address is taken or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=2048)
    listener.set_inheritable(True)
    return listener


@contextlib.asynccontextmanager
async def run_service(settings: Settings, *, workers: int) -> AsyncIterator[RunningService]:
    """Start everything, hand over its addresses, and stop everything in order at the end.

    Raises:
        DataFolderInUseError, EmbeddedRedisError, OSError: it cannot be started here; nothing is left running.
        EvictingRedisError: the Redis of the settings would drop jobs.
        UnguardedError: other machines could come in, and nobody has said that they may.
    """
    with data_folder_lock(settings.data_dir) as lock, listening_socket(settings.host, settings.port) as listener:
        host, port = listener.getsockname()[:2]
        redis = None if "redis_url" in settings.model_fields_set else embedded_redis(settings.data_dir)
        redis_url = redis.url if redis else settings.redis_url
        environment = _child_environment(settings, redis_url)
        gateway = Service(
            "gateway",
            [sys.executable, "-m", "app", "gateway", "--fd", str(listener.fileno())],
            environment | {"EASEL_HOST": settings.host},
            GATEWAY_STOP_SECONDS,
            (lock, listener.fileno()),
        )
        crew = tuple(
            Service(f"worker-{n}", [sys.executable, "-m", "workers"], environment, settings.drain_seconds + 10, (lock,))
            for n in range(1, workers + 1)
        )
        try:
            async with _redis_running(redis, lock):
                known = settings.model_copy(update={"redis_url": redis_url})
                await _check_redis(known)
                await check_access(known)
                try:
                    await asyncio.gather(gateway.start(), *(worker.start() for worker in crew))
                    yield RunningService(f"http://{_for_url(host)}:{port}", redis_url, gateway, crew)
                finally:
                    await gateway.stop()
                    await asyncio.gather(*(worker.stop() for worker in crew))
        finally:
            log.info("stopped")


@contextlib.asynccontextmanager
async def _redis_running(redis: EmbeddedRedis | None, lock: int) -> AsyncIterator[None]:
    if redis is None:
        yield
        return
    redis.socket.unlink(missing_ok=True)
    service = Service("redis", redis.command(), {}, REDIS_STOP_SECONDS, (lock,))
    await service.start()
    try:
        await _until_listening(redis)
        yield
    finally:
        await service.stop()


async def _check_redis(settings: Settings) -> None:
    """Refuse a Redis that would drop jobs; one that does not answer is waited for by all who need it."""
    async with async_redis(settings) as client:
        with contextlib.suppress(*REDIS_DOWN):
            await check_async(client)


async def _until_listening(redis: EmbeddedRedis) -> None:
    try:
        async with asyncio.timeout(REDIS_START_SECONDS):
            while not redis.socket.exists():  # noqa: ASYNC110 - the server has no other way to say that it listens
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise EmbeddedRedisError(f"Redis did not start; its log is {redis.folder / 'redis.log'}") from None


def _child_environment(settings: Settings, redis_url: str) -> dict[str, str]:
    metrics_dir = settings.data_dir.resolve() / "metrics"
    shutil.rmtree(metrics_dir, ignore_errors=True)  # counters of processes that are gone
    metrics_dir.mkdir(parents=True)
    environment = {
        "EASEL_REDIS_URL": redis_url,
        "EASEL_DATA_DIR": str(settings.data_dir.resolve()),
        "PROMETHEUS_MULTIPROC_DIR": str(metrics_dir),
    }
    if settings.models_file:
        environment["EASEL_MODELS_FILE"] = str(settings.models_file.resolve())
    return environment


def _for_url(host: str) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"[{shown}]" if ":" in shown else shown
