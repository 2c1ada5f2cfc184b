"""A real Redis for every test that crosses it, and real worker processes that draw test cards."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import pytest_asyncio
import redis

from app.embedded_redis import find_executable
from app.jobs import JobQueue
from app.redis_connections import async_redis, sync_redis
from app.settings import Settings

ROOT = Path(__file__).parent.parent


class RedisServer:
    """A redis-server process with an append-only file, which a test may kill and start again."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._command = [
            *(find_executable(), "--port", "0", "--unixsocket", str(self.socket), "--dir", str(folder)),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", "", *options),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.answers)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self.socket.unlink(missing_ok=True)

    def answers(self) -> bool:
        """Whether it takes commands."""
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def wait_until(condition, seconds=10.0):
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {condition}")
        time.sleep(0.005)


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def redis_process():
    """One server for the session, in a folder short enough for a Unix socket."""
    folder = Path(tempfile.mkdtemp(prefix="easel-redis-"))
    server = RedisServer(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)


@pytest.fixture
def redis_server(redis_process):
    """The server, emptied."""
    with redis.Redis.from_url(redis_process.url) as client:
        client.flushall()
    return redis_process


@pytest.fixture
def settings(redis_server, tmp_path):
    """Settings for this Redis and a data folder of the test's own, with a short lease."""
    return Settings(redis_url=redis_server.url, data_dir=tmp_path, lease_seconds=1.0)


@pytest.fixture
def sync_client(settings):
    """A worker's client."""
    with sync_redis(settings) as client:
        yield client


@pytest_asyncio.fixture
async def async_client(settings):
    """The gateway's client."""
    async with async_redis(settings) as client:
        yield client


@pytest_asyncio.fixture
async def job_queue(async_client, settings):
    """The gateway's side of the queue."""
    queue = JobQueue(async_client, settings)
    yield queue
    await queue.close()


class WorkerProcess:
    """A worker in a process of its own, drawing with `tests/fakes.py`."""

    def __init__(self, settings: Settings, log: Path, environment: dict[str, str]) -> None:
        self.log = log
        given = {f"EASEL_{name.upper()}": str(getattr(settings, name)) for name in settings.model_fields_set}
        with log.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("fakes.py"))],
                env=os.environ | {"PYTHONPATH": str(ROOT), "EASEL_LOG_FORMAT": "json"} | given | environment,
                stderr=file,
            )

    def until_ready(self) -> None:
        """Wait until it takes jobs."""
        wait_until(lambda: "worker_ready" in self.log.read_text())

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.terminate()
        return self.process.wait(20)


@pytest.fixture
def start_worker(settings, tmp_path):
    """Start worker processes; keywords are settings, or TEST_… variables of the generator."""
    started = []

    def start(*, ready=True, environment=None, **changes):
        known = settings.model_copy(update=changes)
        worker = WorkerProcess(known, tmp_path / f"worker-{len(started)}.log", environment or {})
        started.append(worker)
        if ready:
            worker.until_ready()
        return worker

    yield start
    for worker in started:
        if worker.process.poll() is None:
            worker.process.kill()
        worker.process.wait()
