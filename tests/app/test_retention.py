"""Record and images of a job end together."""

import asyncio

import pytest
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from app.errors import JobGone, JobNotFound, ObjectNotFound
from app.expiry import remove_images_regularly
from app.messages import JobMessage, Outcome
from app.new_jobs import JobTerms
from app.storage import folder_of_job, open_store
from models.interface import GenerationRequest
from tests.conftest import wait_until
from workers.claims import Claims, Ending

MESSAGE = JobMessage(model="card", request=GenerationRequest(prompt="fox", width=8, height=8, seed=1))


class Drawn:
    """A succeeded job with an image."""

    def __init__(self, queue, client, store):
        self.queue, self.client, self.store = queue, client, store
        SimpleWorker(["card"], connection=client, name="w", serializer=JSONSerializer).register_birth()
        self.claims = Claims(client, "w", 3600)

    async def draw(self, **terms):
        """Submit and draw."""
        job = await self.queue.submit(MESSAGE, batch_key="a", cost=1.0, idempotency_key="k", terms=JobTerms(**terms))
        (claimed,) = self.claims.claim({"card": 8}, max_wait_seconds=0).jobs
        self.key = f"{folder_of_job(job.id)}/0.png"
        self.store.put(self.key, b"picture", "image/png")
        self.claims.commit([Ending(claimed, Outcome())])
        return await self.queue.get(job.id)

    def expire(self, job, milliseconds=1):
        """Let the time of the record be over."""
        self.client.pexpire(f"rq:job:{job.id}", milliseconds)
        self.client.zadd("easel:images", {job.id: 0})


@pytest.fixture
def drawn(job_queue, sync_client, settings):
    """A queue, a worker and a store."""
    return Drawn(job_queue, sync_client, open_store(settings))


async def test_a_request_chooses_how_long_it_is_kept(drawn):
    """The record expires, and its images are due, when the request said."""
    job = await drawn.draw(retention_seconds=600)
    assert (job.expires_at - job.finished_at).total_seconds() == 600
    assert 590 < drawn.client.ttl(f"rq:job:{job.id}") <= 600
    seconds, _ = drawn.client.time()
    assert 590 < drawn.client.zscore("easel:images", job.id) - seconds <= 601


async def test_cancelling_keeps_to_it_too(drawn):
    """A canceled job is kept no longer than any other end."""
    job = await drawn.queue.submit(MESSAGE, batch_key="a", cost=1.0, terms=JobTerms(retention_seconds=600))
    await drawn.queue.cancel(job.id)
    assert 590 < drawn.client.ttl(f"rq:job:{job.id}") <= 600


async def test_images_end_with_the_record(drawn):
    """As soon as the record is gone its images are, and not before."""
    job = await drawn.draw()
    drawn.expire(job, milliseconds=400)
    removing = asyncio.create_task(remove_images_regularly(drawn.queue, drawn.store))
    await asyncio.sleep(0.1)
    assert drawn.store.get(drawn.key) == b"picture"
    drawn.expire(job)
    removing.cancel()
    removing = asyncio.create_task(remove_images_regularly(drawn.queue, drawn.store))
    await asyncio.to_thread(wait_until, lambda: not drawn.client.exists("easel:images"))
    removing.cancel()
    with pytest.raises(ObjectNotFound):
        drawn.store.get(drawn.key)
    with pytest.raises(JobNotFound):
        await drawn.queue.get(job.id)


async def test_a_job_that_was_queued_again_keeps_its_images(drawn):
    """What is due belongs to an end that no longer counts."""
    job = await drawn.draw()
    drawn.client.persist(f"rq:job:{job.id}")
    drawn.client.zadd("easel:images", {job.id: 0})
    assert await drawn.queue.images_due() == []
    assert not drawn.client.exists("easel:images")


async def test_an_idempotency_key_outlives_its_job(drawn):
    """The key of a job that is gone makes no second one within a day; the client is told."""
    job = await drawn.draw(retention_seconds=60)
    (name,) = drawn.client.keys("easel:key:*")
    assert 86_390 < drawn.client.ttl(name) <= 86_400
    drawn.client.delete(f"rq:job:{job.id}")
    with pytest.raises(JobGone) as gone:
        await drawn.queue.submit(MESSAGE, batch_key="a", cost=1.0, idempotency_key="k")
    assert job.id in gone.value.detail
