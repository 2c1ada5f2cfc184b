"""The gateway's side of the queue, against a real Redis."""

import asyncio
import contextlib
import json
import zlib

import pytest
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from app.errors import (
    IdempotencyKeyReused,
    JobNotCancelable,
    JobNotFailed,
    JobNotFound,
    QueueFull,
    QueueUnavailable,
    RateLimited,
)
from app.jobs import JobQueue
from app.messages import JobError, JobMessage, JobStatus, Outcome
from app.redis_connections import async_redis
from models.interface import GenerationRequest
from workers.claims import Claims, Ending


def message(prompt="a red fox", *, seed=1, num_images=1, tenant="public", model="card"):
    """A job as the gateway accepts it."""
    request = GenerationRequest(prompt=prompt, width=128, height=128, seed=seed, num_images=num_images)
    return JobMessage(model=model, request=request, tenant=tenant)


def submit(queue, asked=None, **options):
    """Submit with the values that a test does not care about."""
    return queue.submit(asked or message(), **({"batch_key": "128x128", "cost": 1.0} | options))


def registered_worker(client):
    """A worker in name only."""
    SimpleWorker(["card"], connection=client, name="w", serializer=JSONSerializer).register_birth()
    return Claims(client, "w", 3600)


@contextlib.contextmanager
def full_memory(client):
    """Let Redis have less memory than it uses."""
    client.config_set("maxmemory", "1kb")
    yield
    client.config_set("maxmemory", "0")


async def test_a_submitted_job_can_be_read(job_queue):
    """What was accepted is what the job's record shows."""
    accepted = await submit(job_queue, message("a blue boat", num_images=3))
    read = await job_queue.get(accepted.id)
    assert read == accepted
    assert (read.status, read.position, read.message.request.num_images) == (JobStatus.QUEUED, 0, 3)


async def test_callers_take_turns(job_queue):
    """When more ask at once than there are connections, nobody is served twice as often as another."""
    job = await submit(job_queue)
    clock = asyncio.get_running_loop().time
    end = clock() + 0.5

    async def count() -> int:
        served = 0
        while clock() < end:
            await job_queue.get(job.id)
            served += 1
        return served

    served = await asyncio.gather(*(count() for _ in range(100)))
    assert max(served) <= 2 * min(served)


async def test_unknown_job(job_queue):
    """An id that was never given out is not found."""
    with pytest.raises(JobNotFound):
        await job_queue.get("job_none")


async def test_what_a_job_does_not_ask_for_is_not_sent(job_queue, sync_client):
    """So an older worker draws what a newer gateway queues, unless the job asks for something new."""
    job = await submit(job_queue)
    _, _, _, kwargs = json.loads(zlib.decompress(sync_client.hget(f"rq:job:{job.id}", "data")))
    assert kwargs["message"]["version"] == 1
    assert None not in (*kwargs["message"].values(), *kwargs["message"]["request"].values())


async def test_a_job_that_is_not_ours(job_queue, sync_client):
    """What somebody queued with RQ's own tools is none of the gateway's jobs."""
    job = Queue("card", connection=sync_client, serializer=JSONSerializer).enqueue("os.getcwd")
    with pytest.raises(JobNotFound):
        await job_queue.get(job.id)


async def test_another_tenants_job_is_not_found(job_queue):
    """A tenant cannot tell another's job from none."""
    job = await submit(job_queue, message(tenant="ada"))
    for call in (job_queue.get, job_queue.cancel):
        with pytest.raises(JobNotFound):
            await call(job.id, tenant="bob")
    assert (await job_queue.get(job.id, tenant="ada")).status is JobStatus.QUEUED


async def test_the_same_idempotency_key_gives_the_same_job(job_queue):
    """A request sent again makes no second job, even with another seed chosen for it."""
    first = await submit(job_queue, message(seed=1), idempotency_key="k")
    again = await submit(job_queue, message(seed=2), idempotency_key="k")
    assert again.id == first.id
    assert await job_queue.depth("card") == 1


async def test_an_idempotency_key_with_another_body_is_refused(job_queue):
    """A key stands for one body."""
    await submit(job_queue, message("a fox"), idempotency_key="k")
    with pytest.raises(IdempotencyKeyReused):
        await submit(job_queue, message("a boat"), idempotency_key="k")


async def test_tenants_do_not_share_idempotency_keys(job_queue):
    """Two tenants may choose the same key."""
    first = await submit(job_queue, message(tenant="ada"), idempotency_key="k")
    second = await submit(job_queue, message(tenant="bob"), idempotency_key="k")
    assert first.id != second.id


async def test_a_full_queue_refuses(async_client, settings):
    """Beyond the bound a job is refused with a time to come back, and nothing of it is kept."""
    queue = JobQueue(async_client, settings.model_copy(update={"max_queue_length": 2}))
    await submit(queue, priority="low")
    await submit(queue, priority="high")
    with pytest.raises(QueueFull) as refused:
        await submit(queue)
    assert 1 <= refused.value.retry_after_seconds <= 120
    assert len((await queue.page()).jobs) == 2


async def test_a_tenant_has_a_bound_of_its_own(job_queue):
    """What a tenant may have open at once is bounded, and frees up as its jobs end; others are not concerned."""
    first = await submit(job_queue, message(tenant="ada"), max_open=1)
    with pytest.raises(RateLimited) as refused:
        await submit(job_queue, message(tenant="ada"), max_open=1)
    assert refused.value.retry_after_seconds
    await submit(job_queue, message(tenant="bob"), max_open=1)
    await job_queue.cancel(first.id)
    await submit(job_queue, message(tenant="ada"), max_open=1)


@pytest.mark.parametrize(("age", "seconds"), [(0, 1), (20, 10), (10_000, 120)])
async def test_a_tenant_at_its_bound_comes_back_when_a_job_has_likely_ended(job_queue, sync_client, age, seconds):
    """Of two open jobs, the older of which has stayed for t, one ends every t/2 or so; two minutes are the most."""
    first = await submit(job_queue, max_open=2)
    await submit(job_queue, max_open=2)
    sync_client.hincrbyfloat(f"rq:job:{first.id}", "queued_at", -age)
    with pytest.raises(RateLimited) as refused:
        await submit(job_queue, max_open=2)
    assert refused.value.retry_after_seconds == seconds


async def test_a_full_redis_refuses_and_forgets_nothing(redis_server, job_queue, sync_client):
    """When Redis has no memory left a job is refused, and workers still finish what they have."""
    job = await submit(job_queue)
    claims = registered_worker(sync_client)
    (claimed,) = claims.claim({"card": 8}, max_wait_seconds=0).jobs
    with full_memory(sync_client):
        with pytest.raises(QueueUnavailable):
            await submit(job_queue)
        assert claims.renew(10, [claimed]) == (True, [True])
        assert claims.commit([Ending(claimed, Outcome())]) == ["committed"]
    assert (await job_queue.get(job.id)).status is JobStatus.SUCCEEDED
    assert len((await job_queue.page()).jobs) == 1


async def test_a_failed_job_can_be_queued_again(job_queue, sync_client):
    """An operator may give a failed job another chance, with a clean slate; others stay as they are."""
    job = await submit(job_queue)
    with pytest.raises(JobNotFailed):
        await job_queue.requeue(job.id)
    claims = registered_worker(sync_client)
    (claimed,) = claims.claim({"card": 8}, max_wait_seconds=0).jobs
    claims.commit([Ending(claimed, Outcome(error=JobError(code="quarantined", message="three workers died")))])
    assert (await job_queue.requeue(job.id)).status is JobStatus.QUEUED
    assert [again.id for again in claims.claim({"card": 8}, max_wait_seconds=0).jobs] == [job.id]
    assert (await job_queue.get(job.id)).outcome is None


async def test_positions_count_more_urgent_jobs(job_queue):
    """A job's position is the number of jobs that go before it, whatever their priority."""
    normal = [await submit(job_queue) for _ in range(2)]
    await submit(job_queue, priority="high")
    await submit(job_queue, priority="low")
    assert [(await job_queue.get(job.id)).position for job in normal] == [1, 2]


async def test_a_newcomer_goes_before_the_rest_of_a_hogs_line(job_queue):
    """Tenants take turns by cost, so the second tenant does not wait behind all jobs of the first."""
    for _ in range(10):
        await submit(job_queue, message(tenant="hog"))
    job = await submit(job_queue, message(tenant="small"))
    assert job.position <= 1


async def test_pages_list_the_newest_first(job_queue):
    """Pages follow each other without gaps or repeats."""
    ids = []
    for _ in range(5):
        ids.append((await submit(job_queue)).id)
        await asyncio.sleep(0.002)
    first = await job_queue.page(limit=3)
    second = await job_queue.page(first.next_cursor, limit=3)
    assert [job.id for job in (*first.jobs, *second.jobs)] == ids[::-1]
    assert second.next_cursor is None


async def test_pages_by_status_and_tenant(job_queue):
    """A page can be narrowed to a status and to a tenant."""
    mine = await submit(job_queue, message(tenant="ada"))
    await submit(job_queue, message(tenant="bob"))
    canceled = await submit(job_queue, message(tenant="ada"))
    await job_queue.cancel(canceled.id)
    page = await job_queue.page(status=JobStatus.QUEUED, tenant="ada")
    assert [job.id for job in page.jobs] == [mine.id]


async def test_cancel_a_queued_job(job_queue, sync_client):
    """A canceled job leaves the queue at once and stands in RQ's registry of canceled jobs."""
    job = await submit(job_queue)
    canceled = await job_queue.cancel(job.id)
    assert canceled.status is JobStatus.CANCELED
    assert canceled.finished_at is not None
    assert await job_queue.depth("card") == 0
    assert sync_client.zrange("rq:canceled:card", 0, -1) == [job.id.encode()]
    assert (await job_queue.cancel(job.id)).status is JobStatus.CANCELED


async def test_of_several_cancels_at_once_one_ends_the_job(job_queue):
    """Whoever counts endings counts one, however many clients cancel a job at the same moment."""
    job = await submit(job_queue)
    ended = await asyncio.gather(*(job_queue.end(job.id) for _ in range(5)))
    assert sorted(ended) == [False] * 4 + [True]


async def test_an_ended_job_cannot_be_canceled(job_queue, sync_client):
    """What has succeeded stays so."""
    job = await submit(job_queue)
    sync_client.hset(f"rq:job:{job.id}", "status", "finished")
    with pytest.raises(JobNotCancelable):
        await job_queue.cancel(job.id)


async def test_wait_ends_when_the_job_ends(job_queue):
    """A waiter is woken by the job's end, long before its time is up."""
    job = await submit(job_queue)
    waiter = asyncio.create_task(job_queue.wait(job.id, 30))
    await asyncio.sleep(0.1)
    await job_queue.cancel(job.id)
    assert (await asyncio.wait_for(waiter, 1)).status is JobStatus.CANCELED


async def test_wait_gives_up_in_time(job_queue):
    """A waiter gets the job as it stands when its time is up."""
    job = await submit(job_queue)
    assert (await job_queue.wait(job.id, 0.05)).status is JobStatus.QUEUED


async def test_backlog(job_queue):
    """The backlog of a model counts all priorities and knows the oldest age."""
    await submit(job_queue, priority="low")
    await submit(job_queue)
    backlog = (await job_queue.backlogs(["card", "none"]))["card"]
    assert backlog.queued_jobs == 2
    assert 0 <= backlog.oldest_age_seconds < 5


async def test_redis_away_is_refused_with_a_time_to_come_back(settings, tmp_path):
    """A queue that does not answer is an error of its own."""
    nowhere = settings.model_copy(update={"redis_url": f"unix://{tmp_path}/none.sock"})
    async with async_redis(nowhere) as client:
        with pytest.raises(QueueUnavailable) as refused:
            await submit(JobQueue(client, nowhere))
    assert refused.value.retry_after_seconds


async def test_jobs_of_a_removed_model_fail(job_queue, sync_client):
    """Those that wait, of every priority, with a code of their own; those that run and those of other models do not."""
    running = await submit(job_queue)
    registered_worker(sync_client).claim({"card": 1}, max_wait_seconds=0)
    waiting = [await submit(job_queue, priority=priority) for priority in ("low", "high")]
    canceled, other = await submit(job_queue), await submit(job_queue, message(model="other"))
    await job_queue.cancel(canceled.id)
    assert set(await job_queue.fail_waiting("card")) == {job.id for job in waiting}
    assert await job_queue.fail_waiting("card") == []
    ended = [await job_queue.get(job.id) for job in waiting]
    assert {(job.status, job.outcome.error.code) for job in ended} == {(JobStatus.FAILED, "model_removed")}
    left = [(await job_queue.get(job.id)).status for job in (running, canceled, other)]
    assert left == [JobStatus.RUNNING, JobStatus.CANCELED, JobStatus.QUEUED]
