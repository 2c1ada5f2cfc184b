"""A real Redis and a real S3 for every test that crosses them, and real worker processes that draw test cards."""

import shutil
import tempfile
import uuid
from pathlib import Path

import pytest
import pytest_asyncio
import redis
import structlog

from app.jobs import JobQueue
from app.redis_connections import async_redis, sync_redis
from app.settings import Settings
from tests.processes import RedisServer, WorkerProcess, free_port, wait_until  # noqa: F401 - tests import them from here
from tests.s3server import missing_programs, running_s3_server


def pytest_configure():
    """Hand what the service logs in this process to pytest, which shows it beside a failure and nowhere else."""
    structlog.configure(logger_factory=structlog.stdlib.LoggerFactory())


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


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    """Run one S3 server for all tests of the session."""
    if missing := missing_programs():
        pytest.skip(f"no S3 server here: {', '.join(missing)} not installed (sh tests/install_system_packages.sh)")
    with running_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3_settings(s3_server):
    """Make a bucket and the settings that lead to it."""
    settings = Settings(
        storage="s3",
        s3_bucket=f"test-{uuid.uuid4()}",
        s3_endpoint_url=s3_server.endpoint_url,
        s3_access_key_id=s3_server.access_key_id,
        s3_secret_access_key=s3_server.secret_access_key,
        s3_path_style=True,
    )
    s3_server.client().create_bucket(Bucket=settings.s3_bucket)
    return settings
