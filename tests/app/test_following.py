"""What somebody who follows a job is told, with a real Redis and a worker that the test moves by hand."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from app.errors import InvalidRequest, JobNotFound
from app.job_events import Ended, Glimpse, Preview, Queued, Running
from app.job_watch import ENDED, Sight
from app.messages import JobMessage, JobStatus, Outcome
from app.provenance import read_provenance
from models.interface import GenerationRequest
from workers.claims import Claims, Ending

PICTURE = np.full((512, 1024, 3), 200, np.uint8)


def submit(queue, *, num_images=1, tenant="public"):
    """Queue a job that does not matter otherwise."""
    request = GenerationRequest(prompt="fox", width=8, height=8, seed=1, num_images=num_images)
    return queue.submit(JobMessage(model="card", request=request, tenant=tenant), batch_key="8", cost=1.0)


class HandWorker:
    """A worker whose every move is a call."""

    def __init__(self, client):
        SimpleWorker(["card"], connection=client, name="w", serializer=JSONSerializer).register_birth()
        self._claims = Claims(client, "w", 3600)
        self.jobs = []

    def claim(self):
        self.jobs = self._claims.claim({"card": 1}, max_wait_seconds=0).jobs
        return self.jobs[0]

    def renew(self):
        self._claims.renew(10, self.jobs)

    def commit(self):
        self._claims.commit([Ending(job, Outcome(model_revision="r1")) for job in self.jobs])


@pytest.fixture
def worker(sync_client):
    """A registered worker."""
    return HandWorker(sync_client)


async def soon(events):
    """Return the next event, which must not be long in coming."""
    return await asyncio.wait_for(anext(events), 3)


async def step(worker, step, num_steps=9):
    """Do as a worker does between two steps."""
    for job in worker.jobs:
        for index in range(job.message.request.num_images):
            job.report(index, step, num_steps)
            if job.wants_preview(index):
                job.preview(index, PICTURE)
    worker.renew()


async def test_a_job_is_followed_from_the_queue_to_its_end(job_queue, worker):
    """Place, start, steps and end are told, each once and in this order."""
    first, job = await submit(job_queue), await submit(job_queue)
    events = job_queue.follow(job.id)
    assert await soon(events) == Queued("queued-1-0", 1)
    await job_queue.cancel(first.id)
    assert await soon(events) == Queued("queued-0-0", 0)
    worker.claim()
    assert await soon(events) == Running("running-0-0", 0, None)
    await step(worker, 4)
    assert await soon(events) == Running("running-4-0", 4, 9)
    worker.commit()
    ended = await soon(events)
    assert isinstance(ended, Ended)
    assert ended.record.status is JobStatus.SUCCEEDED
    assert [event async for event in events] == []


async def test_a_finished_job_gives_its_end_at_once(job_queue):
    """Who comes late hears only how it ended; who has heard that hears nothing."""
    job = await submit(job_queue)
    await job_queue.cancel(job.id)
    ended = [event async for event in job_queue.follow(job.id)]
    assert [event.record.status for event in ended] == [JobStatus.CANCELED]
    assert [event async for event in job_queue.follow(job.id, after=ended[-1].id)] == []


async def test_a_stream_goes_on_where_it_was_cut(job_queue, worker):
    """What was told before the cut is not told again; what came meanwhile is."""
    job = await submit(job_queue)
    worker.claim()
    await step(worker, 3)
    assert (await soon(job_queue.follow(job.id))).id == "running-3-0"
    again = job_queue.follow(job.id, after="running-3-0")
    waiting = asyncio.ensure_future(soon(again))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await step(worker, 5)
    assert await waiting == Running("running-5-0", 5, 9)


async def test_previews_are_drawn_while_somebody_looks(job_queue, worker):
    """The follower's wish reaches the worker with the renewal of its lease; small marked pictures come back."""
    job = await submit(job_queue, num_images=2)
    events = job_queue.follow(job.id, previews=True)
    assert isinstance(await soon(events), Queued)
    claimed = worker.claim()
    assert isinstance(await soon(events), Running)
    await asyncio.sleep(0.1)
    worker.renew()
    assert claimed.previews.wanted
    await step(worker, 2)
    assert isinstance(await soon(events), Running)
    shown = [await soon(events), await soon(events)]
    assert [(one.id, one.image, one.number) for one in shown] == [("running-2-1", 0, 0), ("running-2-2", 1, 0)]
    with Image.open(io.BytesIO(shown[0].picture)) as picture:
        assert (picture.size, picture.get_format_mimetype()) == ((256, 128), shown[0].content_type)
    assert read_provenance(shown[0].picture).model == "card"


async def test_previews_come_after_those_that_were_seen(job_queue, worker):
    """A follower who comes back gets the latest picture that is new, and counts go on."""
    job = await submit(job_queue)
    claimed = worker.claim()
    claimed.previews.wanted = True
    for number in (1, 2, 3):
        claimed.previews.wanted = True
        await step(worker, number)
    events = job_queue.follow(job.id, after="running-3-1", previews=True)
    assert isinstance(shown := await soon(events), Preview)
    assert (shown.id, shown.number) == ("running-3-3", 2)


async def test_nobody_looks_nothing_is_drawn(job_queue, worker, sync_client):
    """Without followers a worker neither draws nor stores unfinished pictures; with a job's end they are gone."""
    await submit(job_queue)
    claimed = worker.claim()
    await step(worker, 3)
    assert not claimed.previews.wanted
    assert not list(sync_client.scan_iter("easel:previews:*"))
    claimed.previews.wanted = True
    await step(worker, 5)
    assert list(sync_client.scan_iter("easel:previews:*"))
    worker.commit()
    assert not list(sync_client.scan_iter("easel:previews:*"))


async def test_an_id_that_is_none_is_refused(job_queue):
    """Only ids that this service has given out can be gone on from."""
    job = await submit(job_queue)
    with pytest.raises(InvalidRequest) as refused:
        await soon(job_queue.follow(job.id, after="7"))
    assert refused.value.param == "Last-Event-ID"


async def test_another_tenants_job_cannot_be_followed(job_queue):
    """It is as if there were none."""
    job = await submit(job_queue, tenant="ada")
    with pytest.raises(JobNotFound):
        await soon(job_queue.follow(job.id, tenant="bob"))


async def test_followers_are_let_go_when_the_gateway_stops(job_queue):
    """A stream ends without an end of the job, and so does every later one of this gateway."""
    job = await submit(job_queue)
    events = job_queue.follow(job.id)
    assert isinstance(await soon(events), Queued)
    job_queue.stop_following()
    assert [event async for event in events] == []
    assert len([event async for event in job_queue.follow(job.id)]) == 1


async def test_a_deleted_job_ends_its_streams(job_queue, sync_client):
    """Nobody waits for ever for a job that an operator has removed."""
    job = await submit(job_queue)
    events = job_queue.follow(job.id)
    assert isinstance(await soon(events), Queued)
    sync_client.delete(f"rq:job:{job.id}")
    assert [event async for event in events] == []


async def test_a_thousand_followers_share_one_subscription(job_queue, sync_client):
    """However many follow, Redis sees one listener of this gateway; and when they are gone nothing of them is kept."""
    job = await submit(job_queue)
    streams = [job_queue.follow(job.id) for _ in range(1000)]
    for stream in streams:
        await soon(stream)
    assert dict(sync_client.pubsub_numsub("easel:moved")) == {b"easel:moved": 1}
    for stream in streams:
        await stream.aclose()
    assert job_queue._watch._sights == {}


async def test_an_end_is_not_taken_back():
    """The answer to a look from before the end may arrive after the news of it, and hides it from nobody."""
    sight = Sight(previews=False)
    sight.show(Glimpse("running", step=2))
    sight.show(ENDED)
    sight.show(Glimpse("running", step=3))
    assert await sight.change() == ENDED
    sight.show(None)
    assert await sight.change() is None
