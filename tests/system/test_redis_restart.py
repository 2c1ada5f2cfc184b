"""Redis goes away and comes back; nothing of ours needs a restart."""

import asyncio
import shutil
import tempfile
from functools import partial
from pathlib import Path

import pytest
import uvloop

from app.announcements import model_states
from app.errors import QueueUnavailable
from app.jobs import JobQueue
from app.messages import JobMessage, JobStatus
from app.redis_connections import EvictingRedisError, async_redis, check, sync_redis
from app.settings import Settings
from models.interface import GenerationRequest
from tests.processes import RedisServer, WorkerProcess, wait_until
from tests.system.faults.links import FaultyLink

MESSAGE = JobMessage(model="card", request=GenerationRequest(prompt="fox", width=8, height=8, seed=1))


@pytest.fixture
def own_redis():
    """A server of the test's own, to be killed."""
    folder = Path(tempfile.mkdtemp(prefix="easel-redis-"))
    server = RedisServer(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)


async def test_everybody_comes_back_by_themselves(own_redis, tmp_path):
    """After an outage accepted jobs are there, both sides listen again, and new jobs are drawn."""
    settings = Settings(redis_url=own_redis.url, data_dir=tmp_path, lease_seconds=2)
    worker = WorkerProcess(settings, tmp_path / "worker.log", {})
    try:
        worker.until_ready()
        async with async_redis(settings) as client:
            queue = JobQueue(client, settings)
            job = await queue.submit(MESSAGE, batch_key="8x8", cost=1.0)
            assert (await queue.wait(job.id, 10)).status is JobStatus.SUCCEEDED
            own_redis.kill()
            with pytest.raises(QueueUnavailable):
                await queue.submit(MESSAGE, batch_key="8x8", cost=1.0)
            own_redis.start()
            await asyncio.to_thread(wait_until, lambda: _listeners(settings) == [1, 1])
            assert (await queue.get(job.id)).status is JobStatus.SUCCEEDED
            again = await queue.submit(MESSAGE, batch_key="8x8", cost=1.0)
            assert (await queue.wait(again.id, 10)).status is JobStatus.SUCCEEDED
            assert (await model_states(client))["card"].ready
            await queue.close()
        assert worker.stop() == 0
    finally:
        worker.process.kill()
        worker.process.wait()


def _listeners(settings):
    with sync_redis(settings) as client:
        return [count for _, count in client.pubsub_numsub("easel:work", "easel:ended")]


def test_a_redis_that_evicts_is_refused(own_redis):
    """The service does not start on a Redis that may throw jobs away."""
    with sync_redis(Settings(redis_url=own_redis.url)) as client:
        check(client)
        client.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(EvictingRedisError, match="noeviction"):
            check(client)


def test_a_reset_connection_costs_the_gateway_nothing(redis_server):
    """On uvloop, where a closed connection is a RuntimeError, a command is sent again on a new one."""

    async def ask_before_and_after() -> list[bool]:
        link = FaultyLink(partial(asyncio.open_unix_connection, redis_server.socket))
        await link.open()
        async with async_redis(Settings(redis_url=f"redis://127.0.0.1:{link.port}/0")) as client:
            answers = [await client.ping()]
            link.cut()
            await asyncio.sleep(0.05)
            answers.append(await client.ping())
        await link.close()
        return answers

    assert uvloop.run(ask_before_and_after()) == [True, True]
