"""Events in Redis: written once with the job's end, leased, settled, given up and begun again."""

import pytest

from app.errors import DeadLetterNotFound
from app.messages import JobError, Outcome
from app.webhooks.schedule import Verdict

FAILED = Verdict("failed", "status 500")


async def test_an_event_is_written_with_every_end(post):
    """A success, a failure, a cancellation and a missed deadline are each one event."""
    jobs = [await post.submit()]
    post.end()
    jobs.append(await post.submit())
    post.end(Outcome(error=JobError(code="timeout", message="too long")))
    jobs.append(await post.submit())
    await post.queue.cancel(jobs[-1].id)
    await post.queue.cancel(jobs[-1].id)
    jobs.append(await post.submit(deadline_seconds=1))
    post.redis.zadd("easel:deadlines", {jobs[-1].id: 0})
    await post.queue.end_overdue()
    events = await post.outbox.take(10)
    assert [event.job_id for event in events] == [job.id for job in jobs]
    assert [event.id for event in events] == [f"msg_{job.id[4:]}_1" for job in jobs]


async def test_without_a_webhook_there_is_no_event(post):
    """Most jobs have none."""
    await post.queue.submit((await post.submit()).message, batch_key="a", cost=1.0)
    assert await post.outbox.take(10) == []


async def test_two_gateways_never_make_the_same_attempt(post):
    """Who takes an event has it alone while the lease runs; then it is the next one's, and counts as an attempt."""
    await post.ended()
    (first,) = await post.outbox.take(10)
    assert await post.outbox.take(10) == []
    assert 55 < post.due_in(first) <= 60
    post.make_due(first)
    (second,) = await post.outbox.take(10)
    assert (second.id, second.attempts) == (first.id, 2)
    assert not await post.outbox.settle(first, Verdict("delivered"), None)
    assert await post.outbox.settle(second, FAILED, 30.0)
    assert 25 < post.due_in(second) <= 30


async def test_a_delivered_event_leaves_nothing(post):
    """No key of it stays."""
    await post.ended()
    (event,) = await post.outbox.take(10)
    assert await post.outbox.settle(event, Verdict("delivered"), None)
    assert not post.redis.keys("easel:webhook*")
    assert not post.redis.keys("easel:dead:*")


async def test_dead_letters_are_listed_and_begun_again(post):
    """What was given up is shown to its tenant alone, with the reason, and can be delivered again."""
    job = await post.ended()
    (event,) = await post.outbox.take(10)
    await post.outbox.settle(event, FAILED, None)
    (letter,) = await post.outbox.dead_letters("public")
    assert (letter.job_id, letter.attempts, letter.reason) == (job.id, 1, "status 500")
    assert await post.outbox.dead_letters("ada") == []
    with pytest.raises(DeadLetterNotFound):
        await post.outbox.redeliver(event.id, "ada")
    await post.outbox.redeliver(event.id, "public")
    with pytest.raises(DeadLetterNotFound):
        await post.outbox.redeliver(event.id, "public")
    (again,) = await post.outbox.take(10)
    assert (again.id, again.attempts) == (event.id, 1)
    assert await post.outbox.dead_letters("public") == []


async def test_an_endpoint_that_is_gone_hears_nothing_more(post):
    """After a 410 other events for the same URL are given up unheard, until one is redelivered by hand."""
    for _ in range(2):
        await post.ended()
    (first,) = await post.outbox.take(1)
    await post.outbox.settle(first, Verdict("refused", "status 410", endpoint_is_gone=True), None)
    assert await post.outbox.take(10) == []
    assert len(await post.outbox.dead_letters("public")) == 2
    await post.ended("https://example.com/other")
    (other,) = await post.outbox.take(10)
    assert other.url.endswith("other")
    await post.outbox.redeliver(first.id, "public")
    assert [event.id for event in await post.outbox.take(10)] == [first.id]


async def test_a_job_that_ends_twice_has_two_events(post):
    """A receiver that remembers ids hears of the second end, too."""
    job = await post.submit()
    post.end(Outcome(error=JobError(code="timeout", message="too long")))
    await post.queue.requeue(job.id)
    post.end()
    assert [event.id[-2:] for event in await post.outbox.take(10)] == ["_1", "_2"]
