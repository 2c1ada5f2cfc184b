"""One attempt, with a real receiver that does its worst."""

import asyncio
import json
import time

import openai
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.errors import QueueUnavailable
from app.webhooks.schedule import GAPS_SECONDS
from tests.app.webhooks.conftest import SECRET
from tests.conftest import wait_until


async def test_both_libraries_accept_the_signature(post, receiver):
    """The `standardwebhooks` package and the unmodified `openai` client check it, and refuse a changed body."""
    assert await post.attempt(f"{receiver.url}/200") is None
    ((headers, body),) = receiver.received
    assert Webhook(SECRET).verify(body, headers)["type"] == "job.succeeded"
    client = openai.OpenAI(api_key="unused", webhook_secret=SECRET)
    client.webhooks.verify_signature(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace(b"fox", b"cat"), headers)
    with pytest.raises(openai.InvalidWebhookSignatureError):
        client.webhooks.verify_signature(body.replace(b"fox", b"cat"), headers)


async def test_an_event_holds_the_whole_job(post, receiver):
    """What `GET /v1/jobs/{id}` would answer, so nothing needs to be asked."""
    job = await post.ended(f"{receiver.url}/204")
    (event,) = await post.outbox.take(10)
    await post.deliveries().deliver(event)
    ((headers, body),) = receiver.received
    sent = json.loads(body)
    assert (sent["id"], sent["type"], sent["data"]["id"]) == (event.id, "job.succeeded", job.id)
    assert headers["webhook-id"] == event.id
    assert {"status", "images", "metadata", "request", "finished_at"} <= set(sent["data"])


@pytest.mark.parametrize("path", ["301", "302", "307", "400", "404", "429", "500", "503"])
async def test_other_answers_are_tried_again(post, receiver, path):
    """A redirect is not followed, an error is no success, and Retry-After is respected."""
    pause = await post.attempt(f"{receiver.url}/{path}")
    assert 70 < pause <= 77
    assert len(receiver.received) == 1


@pytest.mark.parametrize("path", ["silent", "reset", "slow", "endless_head", "garbage"])
async def test_a_broken_receiver_is_tried_again(post, receiver, path):
    """Whatever it does, an attempt takes bounded time and the next follows in some seconds."""
    started = time.monotonic()
    assert 0 < await post.attempt(f"{receiver.url}/{path}", seconds=0.4) <= 1.2 * GAPS_SECONDS[0]
    assert time.monotonic() - started < 10


async def test_an_endless_body_is_not_read(post, receiver):
    """The status is enough."""
    assert await post.attempt(f"{receiver.url}/endless") is None
    assert await post.outbox.dead_letters("public") == []


async def test_nobody_listens(post):
    """A closed port is tried again."""
    assert await post.attempt("http://127.0.0.1:1/") > 0


async def test_gone_is_for_ever(post, receiver):
    """After a 410 nothing more is sent to this URL."""
    assert await post.attempt(f"{receiver.url}/410") is None
    await post.ended(f"{receiver.url}/410")
    assert await post.outbox.take(10) == []
    assert len(receiver.received) == 1
    assert [letter.reason for letter in await post.outbox.dead_letters("public")][-1] == "status 410"


@pytest.mark.parametrize("url", ["http://127.0.0.2/", "http://10.0.0.1/", "http://[::1]/", "http://localhost.:1/"])
async def test_private_networks_are_not_called(post, url):
    """A URL that leads inside is given up at once, at the moment of delivery too."""
    pause = await post.attempt(url)
    letters = await post.outbox.dead_letters("public")
    assert pause is None or letters == []
    assert "localhost" in url or "url_not_allowed" in letters[0].reason


async def test_the_schedule_ends(post, receiver):
    """The tenth failure is the last, and stands among the dead letters."""
    await post.ended(f"{receiver.url}/500")
    for _ in range(len(GAPS_SECONDS) + 1):
        (event,) = await post.outbox.take(10)
        await post.deliveries().deliver(event)
        if post.due_in(event) is not None:
            post.make_due(event)
    (letter,) = await post.outbox.dead_letters("public")
    assert (letter.attempts, letter.reason) == (len(GAPS_SECONDS) + 1, "status 500")
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1


async def test_a_job_that_is_gone_is_not_told_of(post, receiver):
    """There is nothing to tell any more, and the dead letter says so."""
    job = await post.ended(f"{receiver.url}/200")
    await post.queue.delete(job.id)
    (event,) = await post.outbox.take(10)
    await post.deliveries().deliver(event)
    assert receiver.received == []
    assert (await post.outbox.dead_letters("public"))[0].reason == "the job is no longer kept"


async def test_slow_receivers_hold_up_nobody(post, receiver):
    """Attempts run side by side, and two gateways share them without making one twice."""
    for path in ["silent"] * 3 + ["200"] * 6:
        await post.ended(f"{receiver.url}/{path}")
    running = [asyncio.create_task(post.deliveries().run()) for _ in range(2)]
    await asyncio.to_thread(wait_until, lambda: len(receiver.received) == 9)
    await asyncio.to_thread(wait_until, lambda: post.redis.zcard("easel:webhooks") == 3)
    for task in running:
        task.cancel()
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 9


async def test_an_outage_of_redis_is_waited_for(post, receiver, monkeypatch):
    """What cannot be settled is attempted again under the same id when its lease has run out."""
    await post.ended(f"{receiver.url}/200")
    (event,) = await post.outbox.take(10)

    async def away(*_):
        raise QueueUnavailable("away")

    with monkeypatch.context() as outage:
        outage.setattr(post.outbox, "settle", away)
        await post.deliveries().deliver(event)
    post.make_due(event)
    (again,) = await post.outbox.take(10)
    await post.deliveries().deliver(again)
    assert [headers["webhook-id"] for headers, _ in receiver.received] == [event.id] * 2
