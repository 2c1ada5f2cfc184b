"""An idempotency key stands for one job, wherever the answer to its submission is lost."""

import pytest
import redis

from app.errors import QueueUnavailable
from app.jobs import JobQueue
from app.messages import JobMessage
from app.redis_connections import async_redis
from models.interface import GenerationRequest
from tests.conftest import RedisServer, free_port
from tests.cutting_proxy import Limit, cutting_proxy

MESSAGE = JobMessage(model="card", request=GenerationRequest(prompt="fox", width=8, height=8, seed=1))
LONGEST_ANSWER_BYTES = 60


@pytest.fixture
def redis_port(tmp_path_factory):
    """A Redis that can be reached through a network."""
    port = free_port()
    server = RedisServer(tmp_path_factory.mktemp("r"), "--port", str(port))
    server.start()
    yield port
    server.kill()


class BadLine:
    """The limits of connections to come: each is cut after so many bytes of replies; None: a good one."""

    cut_after = None

    def __iter__(self):
        return self

    def __next__(self):
        return Limit(reply_bytes=self.cut_after)


class Gateway:
    """A queue behind a bad line."""

    def __init__(self, client, settings, line):
        self.accepted = {}
        self._client, self._line = client, line
        self._queue = JobQueue(client, settings)

    async def submit(self, key, cut_after=None):
        """Submit over a new connection, and over another when that is cut; tell whether an answer came."""
        self._line.cut_after = cut_after
        await self._client.connection_pool.disconnect()
        try:
            job = await self._queue.submit(MESSAGE, batch_key="8x8", cost=1.0, idempotency_key=key)
        except QueueUnavailable:
            return False
        self.accepted.setdefault(key, set()).add(job.id)
        return True

    async def reply_bytes(self):
        """Find out how many bytes of replies a submission takes: the fewest with which it is answered."""
        low, high = 0, 4096
        while low < high:
            middle = (low + high) // 2
            if await self.submit(f"probe-{middle}", middle):
                high = middle
            else:
                low = middle + 1
        return low


async def test_one_job_whatever_is_lost(settings, redis_port):
    """The connection is cut after each byte of the answer, the second one too; then the client asks again."""
    line = BadLine()
    with cutting_proxy("127.0.0.1", redis_port, line) as port:
        reached = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{port}/0"})
        async with async_redis(reached) as client:
            gateway = Gateway(client, reached, line)
            await gateway.submit("first")  # from now on Redis knows the script
            length = await gateway.reply_bytes()
            for cut_after in range(length - LONGEST_ANSWER_BYTES, length):
                assert not await gateway.submit(f"key-{cut_after}", cut_after)
                assert await gateway.submit(f"key-{cut_after}")
    assert {len(jobs) for jobs in gateway.accepted.values()} == {1}
    with redis.Redis(port=redis_port) as client:
        made = {client.hget(key, "id").decode() for key in client.scan_iter("easel:key:*")}
        waiting = [job_id.decode() for job_id in client.lrange("rq:queue:card", 0, -1)]
    assert sorted(waiting) == sorted(made)
    assert set.union(*gateway.accepted.values()) <= made
    assert len(made) > LONGEST_ANSWER_BYTES
