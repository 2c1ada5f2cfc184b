"""Jobs that nobody started in time, with Redis for real."""

import asyncio

import pytest
from rq import SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from app.expiry import end_overdue_regularly
from app.messages import JobMessage, JobStatus
from app.metrics import GatewayMetrics, new_registry
from app.new_jobs import JobTerms
from models.interface import GenerationRequest
from workers.claims import Claims

MESSAGE = JobMessage(model="card", request=GenerationRequest(prompt="fox", width=8, height=8, seed=1))


@pytest.fixture
def claims(sync_client):
    """A registered worker."""
    SimpleWorker(["card"], connection=sync_client, name="w", serializer=JSONSerializer).register_birth()
    return Claims(sync_client, "w", 3600)


def submit(queue, deadline_seconds=60):
    """Queue a job with a deadline."""
    return queue.submit(MESSAGE, batch_key="a", cost=1.0, terms=JobTerms(deadline_seconds=deadline_seconds))


def pass_time(client, job, seconds=100):
    """Make Redis believe that a deadline is so much earlier."""
    earlier = float(client.hget(f"rq:job:{job.id}", "deadline_at")) - seconds
    client.hset(f"rq:job:{job.id}", "deadline_at", earlier)
    if client.zscore("easel:deadlines", job.id) is not None:
        client.zadd("easel:deadlines", {job.id: earlier})


async def test_an_overdue_job_ends_without_a_worker(job_queue, sync_client):
    """It fails with its own code, stands in RQ's registry of failed jobs, and nothing of it waits."""
    job = await submit(job_queue)
    assert await job_queue.end_overdue() == []
    pass_time(sync_client, job)
    assert await job_queue.end_overdue() == [(job.id, "card")]
    assert await job_queue.end_overdue() == []
    ended = await job_queue.get(job.id)
    assert (ended.status, ended.outcome.error.code) == (JobStatus.FAILED, "deadline_exceeded")
    assert ended.expires_at is not None
    assert sync_client.zrange("rq:failed:card", 0, -1) == [job.id.encode()]
    assert not sync_client.exists("rq:queue:card", "easel:order:card", "easel:open:public", "easel:deadlines")
    assert Job.fetch(job.id, connection=sync_client, serializer=JSONSerializer).is_failed


async def test_an_overdue_job_is_never_drawn(job_queue, sync_client, claims):
    """A worker passes it over even before the gateway has ended it."""
    late, early = await submit(job_queue), await submit(job_queue)
    pass_time(sync_client, late)
    assert [job.id for job in claims.claim({"card": 8}, max_wait_seconds=0).jobs] == [early.id]
    assert claims.claim({"card": 8}, max_wait_seconds=0).jobs == ()
    assert await job_queue.end_overdue() == [(late.id, "card")]


async def test_a_job_that_started_in_time_may_take_longer(job_queue, sync_client, claims):
    """The deadline is for the start."""
    job = await submit(job_queue)
    claims.claim({"card": 8}, max_wait_seconds=0)
    pass_time(sync_client, job)
    assert await job_queue.end_overdue() == []
    assert (await job_queue.get(job.id)).status is JobStatus.RUNNING


async def test_a_job_that_waits_again_has_its_deadline_again(job_queue, sync_client, claims):
    """What a worker gave back, or lost by dying, fails if nobody can start it again in time."""
    job = await submit(job_queue)
    claimed = claims.claim({"card": 8}, max_wait_seconds=0).jobs
    pass_time(sync_client, job)
    claims.release(claimed)
    assert await job_queue.end_overdue() == [(job.id, "card")]


async def test_an_operator_lifts_the_deadline(job_queue, sync_client, claims):
    """An overdue job that is queued again by hand is drawn."""
    job = await submit(job_queue)
    pass_time(sync_client, job)
    await job_queue.end_overdue()
    await job_queue.requeue(job.id)
    assert await job_queue.end_overdue() == []
    assert [one.id for one in claims.claim({"card": 8}, max_wait_seconds=0).jobs] == [job.id]


async def test_a_waiter_is_told_and_the_end_is_counted(job_queue):
    """The gateway notices by itself, within a second or so of the deadline."""
    metrics = GatewayMetrics(new_registry())
    ending = asyncio.create_task(end_overdue_regularly(job_queue, metrics))
    job = await submit(job_queue, deadline_seconds=1)
    ended = await job_queue.wait(job.id, 20)
    ending.cancel()
    assert ended.status is JobStatus.FAILED
    assert job.deadline_at == ended.deadline_at
    assert ended.finished_at >= ended.deadline_at
    counted = 'easel_jobs_finished_total{cause="deadline_exceeded",model="card",outcome="failed"} 1.0'
    assert counted in metrics.render(None).decode()
