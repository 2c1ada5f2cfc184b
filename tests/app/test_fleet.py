"""What the gateway remembers of its workers, against a real Redis."""

import asyncio
import socket
import time

import pytest

from app.announcements import ModelProfile, announce
from app.errors import ModelNotReady, QueueUnavailable
from app.fleet import Fleet
from app.messages import WorkerAnnouncement
from app.redis_connections import async_redis
from models.interface import Capabilities

CAPABILITIES = Capabilities(options={}, max_images=3)


@pytest.fixture
def announced(sync_client):
    """A worker that has announced `card` and is gone again."""
    said = WorkerAnnouncement(worker="w", models=("card",), device="cpu", dtype="float32")
    announce(sync_client, said, {"card": ModelProfile(CAPABILITIES, "r1")})


async def test_what_a_model_can_do_outlives_its_workers(async_client, announced):
    """Requests are checked, and queue, while every worker is away."""
    fleet = Fleet(async_client)
    assert await fleet.capabilities("card") == CAPABILITIES
    assert not (await fleet.states())["card"].ready


async def test_an_unannounced_model_is_not_ready(async_client, announced):
    """Its limits are not known, so nothing can be checked against them."""
    with pytest.raises(ModelNotReady) as caught:
        await Fleet(async_client).capabilities("other")
    assert caught.value.retry_after_seconds


async def test_redis_is_asked_once_for_many(async_client, announced):
    """A burst of requests costs one question."""
    fleet = Fleet(async_client)
    before = (await async_client.info("commandstats"))["cmdstat_hgetall"]["calls"]
    await asyncio.gather(*(fleet.capabilities("card") for _ in range(50)))
    after = (await async_client.info("commandstats"))["cmdstat_hgetall"]["calls"]
    assert after - before == 1


async def test_a_silent_redis_is_waited_for_together(settings):
    """Many who ask at once are all told within one time-out, and the next one asks anew."""
    with socket.create_server(("127.0.0.1", 0)) as silence:  # takes connections, says nothing
        url = f"redis://127.0.0.1:{silence.getsockname()[1]}/0"
        silent = settings.model_copy(update={"redis_url": url, "redis_timeout_seconds": 0.3})
        async with async_redis(silent) as client:
            fleet, started = Fleet(client), time.monotonic()
            answers = await asyncio.gather(*(fleet.states() for _ in range(20)), return_exceptions=True)
            assert {type(answer) for answer in answers} == {QueueUnavailable}
            assert time.monotonic() - started < 3  # in turn it would be at least twice that
