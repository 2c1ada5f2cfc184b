"""A worker process from claim to outcome, with a real Redis and real files."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys

import pytest
from rq import Queue, Retry, Worker
from rq.serializers import JSONSerializer

from app.announcements import model_states
from app.messages import JobMessage, JobStatus
from models.interface import GenerationRequest
from tests.processes import ROOT, wait_until


def message(prompt="fox", *, seed=1, num_images=1, tenant="public"):
    """A job as the gateway accepts it."""
    request = GenerationRequest(prompt=prompt, width=8, height=8, seed=seed, num_images=num_images)
    return JobMessage(model="card", request=request, tenant=tenant)


async def submit(queue, *prompts, **options):
    """Queue a job for each prompt."""
    return [await queue.submit(message(prompt), batch_key="8x8", cost=1.0, **options) for prompt in prompts]


async def ended(queue, jobs, seconds=20):
    """Wait until all jobs have ended."""
    return [await queue.wait(job.id, seconds) for job in jobs]


async def until_running(queue, job):
    """Wait until a worker has the job."""
    async with asyncio.timeout(20):
        while (await queue.get(job.id)).status is not JobStatus.RUNNING:  # noqa: ASYNC110 - it runs elsewhere
            await asyncio.sleep(0.01)


async def until_drawing(queue, job):
    """Wait until its first step is done."""
    async with asyncio.timeout(20):
        while (await queue.get(job.id)).progress is None:  # noqa: ASYNC110 - it runs elsewhere
            await asyncio.sleep(0.01)


def statuses(jobs):
    """Their statuses, as words."""
    return [job.status.value for job in jobs]


async def test_a_job_is_drawn_and_stored(job_queue, start_worker, tmp_path):
    """A job ends with images that lie in storage as recorded."""
    start_worker()
    job = await job_queue.submit(message(num_images=3), batch_key="8x8", cost=1.0)
    job = await job_queue.wait(job.id, 10)
    assert job.status is JobStatus.SUCCEEDED
    assert [image.key.partition("-")[0] for image in job.outcome.images] == [f"images/{job.id}/{n}" for n in range(3)]
    for image in job.outcome.images:
        data = next(tmp_path.rglob(image.key)).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (image.sha256, image.bytes)


async def test_a_live_worker_announces_its_models(async_client, start_worker):
    """A model is ready while a worker that has it lives; what it can do is known for good."""
    worker = start_worker()
    state = (await model_states(async_client))["card"]
    assert (state.ready, state.workers, state.revision) == (True, 1, "obedient-1")
    assert worker.stop() == 0
    state = (await model_states(async_client))["card"]
    assert (state.ready, state.capabilities.max_batch_size) == (False, 8)


async def test_waiting_jobs_share_batches(job_queue, start_worker):
    """What waits when the worker becomes free is drawn together."""
    jobs = await submit(job_queue, *["fox"] * 16)
    start_worker()
    done = await ended(job_queue, jobs)
    assert {job.outcome.timings.batch_size for job in done} == {8}


async def test_a_raising_job_fails_alone(job_queue, start_worker):
    """A batch that raises is split until the culprit stands alone; its error says nothing of the prompt."""
    jobs = await submit(job_queue, *["fox"] * 5, "raise", *["fox"] * 2)
    worker = start_worker()
    done = await ended(job_queue, jobs)
    assert statuses(done) == ["succeeded"] * 5 + ["failed"] + ["succeeded"] * 2
    assert done[5].outcome.error.code == "generation_failed"
    assert "secret" not in done[5].model_dump_json()
    assert {job.attempts for job in done} == {1}
    assert worker.process.poll() is None


@pytest.mark.parametrize(
    ("prompt", "code"), [("oom", "out_of_memory"), ("lazy", "image_missing"), ("refuse", "content_refused")]
)
async def test_failures_have_their_own_codes(job_queue, start_worker, prompt, code):
    """A job's error says what kind of thing went wrong."""
    start_worker()
    (job,) = await ended(job_queue, await submit(job_queue, prompt))
    assert job.outcome.error.code == code


async def test_running_out_of_memory_lowers_the_batch_size(job_queue, start_worker):
    """A batch that does not fit is drawn in halves, and later ones are no larger than what did fit."""
    jobs = await submit(job_queue, *["fox"] * 8)
    start_worker(environment={"TEST_FITS": "2"})
    assert set(statuses(await ended(job_queue, jobs))) == {"succeeded"}
    later = await ended(job_queue, await submit(job_queue, *["fox"] * 4))
    assert {job.outcome.timings.batch_size for job in later} <= {1, 2}


async def test_what_fitted_into_memory_bounds_the_parts_of_a_large_job(job_queue, start_worker, tmp_path):
    """A second job of eight images is drawn two by two at once, for the first has taught that no more fit."""
    start_worker(environment={"TEST_FITS": "2", "TEST_BATCHES": str(tmp_path / "batches")})
    jobs = [await job_queue.submit(message(num_images=8), batch_key="8x8", cost=8.0) for _ in range(2)]
    assert statuses(await ended(job_queue, jobs)) == ["succeeded"] * 2
    batches = [line.split()[1:] for line in (tmp_path / "batches").read_text().splitlines()]
    assert [batch for batch in batches if jobs[1].id in batch] == [[jobs[1].id] * 2] * 4


async def test_a_models_budget_bounds_its_batches(job_queue, start_worker, tmp_path):
    """With room for three images of 8x8 pixels, jobs are drawn in threes, and a job of four in two parts."""
    models = tmp_path / "models.toml"
    models.write_text('default = "card"\n[models.card]\nfamily = "testcard"\nmax_batch_cost = 200\n')
    small = [await job_queue.submit(message(), batch_key="8x8", cost=64.0) for _ in range(6)]
    large = await job_queue.submit(message(num_images=4), batch_key="8x8", cost=256.0)
    start_worker(models_file=models, environment={"TEST_BATCHES": str(tmp_path / "batches")})
    assert set(statuses(await ended(job_queue, [*small, large]))) == {"succeeded"}
    sizes = [len(line.split()) - 1 for line in (tmp_path / "batches").read_text().splitlines()]
    assert sizes == [3, 3, 3, 1]


async def test_a_hanging_job_fails_at_its_time_limit_alone(job_queue, start_worker):
    """When a batch times out its jobs run one by one, so only the one that hangs fails."""
    jobs = await submit(job_queue, "fox", "hang", "fox")
    worker = start_worker(job_timeout_seconds=1)
    done = await ended(job_queue, jobs)
    assert statuses(done) == ["succeeded", "failed", "succeeded"]
    assert done[1].outcome.error.code == "timeout"
    assert worker.process.poll() is None


async def test_a_job_that_kills_its_worker_is_quarantined(job_queue, start_worker):
    """Three deaths, and the job fails before it touches a generator again; its batch-mates succeed."""
    jobs = await submit(job_queue, "fox", "fox", "kill", "fox", "fox", "fox")
    for _ in range(3):
        assert start_worker(ready=False).process.wait(20) == -signal.SIGKILL
    start_worker()
    done = await ended(job_queue, jobs)
    assert statuses(done) == ["succeeded"] * 2 + ["failed"] + ["succeeded"] * 3
    assert done[2].outcome.error.code == "quarantined"


async def test_a_lost_device_ends_the_process_and_costs_no_job(job_queue, start_worker):
    """A process that can draw no more gives its batch back and ends with an error code."""
    jobs = await submit(job_queue, "fox", "device")
    for _ in range(2):
        assert start_worker(ready=False).process.wait(20) == 1
    assert (await job_queue.get(jobs[0].id)).status is not JobStatus.FAILED


async def test_cancel_a_running_job_keeps_its_batch_mates(job_queue, start_worker, sync_client):
    """A canceled row is dropped at the next step, and nothing is left of it."""
    first, second = await submit(job_queue, "seconds=1", "seconds=1")
    start_worker()
    await until_drawing(job_queue, second)
    assert (await job_queue.cancel(first.id)).status is JobStatus.CANCELED
    assert (await job_queue.wait(second.id, 10)).status is JobStatus.SUCCEEDED
    assert (await job_queue.get(first.id)).outcome is None
    assert not sync_client.keys("rq:execution*")


async def test_canceling_the_whole_batch_frees_the_worker(job_queue, start_worker):
    """When nobody wants a batch any more, the next one starts within half a second."""
    (long,) = await submit(job_queue, "seconds=30")
    start_worker()
    await until_running(job_queue, long)
    await job_queue.cancel(long.id)
    (short,) = await submit(job_queue, "fox")
    assert (await job_queue.wait(short.id, 2)).status is JobStatus.SUCCEEDED


async def test_sigterm_finishes_the_batch_and_gives_the_rest_back(job_queue, start_worker):
    """A drain ends with exit code 0; what had not started is queued as if nothing had happened."""
    jobs = await submit(job_queue, *["seconds=0.5"] * 12)
    worker = start_worker(environment={"TEST_BATCH_SIZE": "4"})
    await until_drawing(job_queue, jobs[0])
    assert worker.stop() == 0
    left = [await job_queue.get(job.id) for job in jobs]
    assert statuses(left) == ["succeeded"] * 4 + ["queued"] * 8
    assert {job.attempts for job in left[4:]} == {0}


async def test_a_second_sigterm_gives_everything_back(job_queue, start_worker):
    """Whoever cannot wait gets exit code 0 at once, and the batch in hand is queued again, uncounted."""
    jobs = await submit(job_queue, *["seconds=30"] * 4)
    worker = start_worker()
    await until_drawing(job_queue, jobs[0])
    worker.process.terminate()
    await asyncio.sleep(1.1)
    assert worker.stop() == 0
    left = [await job_queue.get(job.id) for job in jobs]
    assert {(job.status, job.attempts) for job in left} == {(JobStatus.QUEUED, 0)}
    assert [job.position for job in left] == [0, 1, 2, 3]


async def test_a_drain_has_a_limit(job_queue, start_worker):
    """A batch that takes longer than the drain may is given back."""
    jobs = await submit(job_queue, "seconds=30")
    worker = start_worker(drain_seconds=1.2)
    await until_drawing(job_queue, jobs[0])
    assert worker.stop() == 0
    assert (await job_queue.get(jobs[0].id)).status is JobStatus.QUEUED


async def test_a_frozen_worker_writes_nothing_once_its_lease_is_lost(job_queue, start_worker):
    """A worker that was stopped past its lease finds its result refused, and goes on working."""
    (job,) = await submit(job_queue, "seconds=1")
    frozen = start_worker()
    await until_drawing(job_queue, job)
    os.kill(frozen.process.pid, signal.SIGSTOP)
    other = start_worker()
    done = await job_queue.wait(job.id, 10)
    assert (done.status, done.attempts) == (JobStatus.SUCCEEDED, 2)
    os.kill(frozen.process.pid, signal.SIGCONT)
    assert other.stop() == 0
    (again,) = await ended(job_queue, await submit(job_queue, "fox"))
    assert again.status is JobStatus.SUCCEEDED
    assert (await job_queue.get(job.id)) == done


async def test_rq_sees_what_happens(job_queue, start_worker, sync_client):
    """RQ's own tools show a busy worker and its job, and a result when it has ended."""
    (job,) = await submit(job_queue, "seconds=1")
    start_worker()
    await until_drawing(job_queue, job)
    (worker,) = Worker.all(connection=sync_client)
    assert (worker.get_state(), worker.get_current_job_id()) == ("busy", job.id)
    await job_queue.wait(job.id, 10)
    (worker,) = Worker.all(connection=sync_client)
    assert worker.successful_job_count == 1


async def test_jobs_join_a_running_batch(job_queue, start_worker):
    """A generator that admits rows draws a newcomer beside a long job, and not after it."""
    start_worker(environment={"TEST_ADMITS": "1"})
    (long,) = await submit(job_queue, "steps=200")
    await until_drawing(job_queue, long)
    (short,) = await submit(job_queue, "steps=2")
    assert (await job_queue.wait(short.id, 3)).status is JobStatus.SUCCEEDED
    assert (await job_queue.get(long.id)).status is JobStatus.RUNNING


async def test_an_admitted_job_that_fails_fails_alone(job_queue, start_worker):
    """What joined later takes part in the bisection of a batch that raises."""
    start_worker(environment={"TEST_ADMITS": "1"})
    (long,) = await submit(job_queue, "steps=30")
    await until_drawing(job_queue, long)
    (bad,) = await submit(job_queue, "steps=30 raise")
    done = await ended(job_queue, [long, bad])
    assert statuses(done) == ["succeeded", "failed"]


async def test_a_drain_admits_nobody(job_queue, start_worker):
    """A stopping worker ends although more work keeps coming."""
    worker = start_worker(environment={"TEST_ADMITS": "1"})
    (long,) = await submit(job_queue, "steps=60")
    await until_drawing(job_queue, long)
    worker.process.terminate()
    await asyncio.sleep(0.1)
    (late,) = await submit(job_queue, "steps=2")
    assert worker.process.wait(10) == 0
    assert (await job_queue.get(long.id)).status is JobStatus.SUCCEEDED
    assert (await job_queue.get(late.id)).status is JobStatus.QUEUED


async def test_rq_retries_what_was_queued_with_a_retry(start_worker, sync_client):
    """A job queued through RQ's Python, with RQ's own retries and callbacks, gets them."""
    queue = Queue("card", connection=sync_client, serializer=JSONSerializer)
    kwargs = {"message": message("raise").model_dump(mode="json")}
    job = queue.enqueue("workers.tasks.render", kwargs=kwargs, retry=Retry(max=2))
    start_worker()
    wait_until(lambda: job.get_status() == "failed")
    assert sync_client.hget(job.key, "attempts") == b"3"
    assert sync_client.zcard("rq:failed:card") == 1


def test_a_plain_rq_worker_runs_the_task(settings, sync_client, tmp_path):
    """Without any of our worker, RQ's own can draw a job, one by one."""
    request = GenerationRequest(prompt="fox", width=64, height=64, seed=1, num_images=2)
    queue = Queue("card", connection=sync_client, serializer=JSONSerializer)
    kwargs = {"message": JobMessage(model="card", request=request).model_dump(mode="json")}
    job = queue.enqueue("workers.tasks.render", kwargs=kwargs)
    command = [sys.executable, "-m", "rq.cli", "worker", "card", "--burst", "--url", settings.redis_url]
    environment = os.environ | {"EASEL_REDIS_URL": settings.redis_url, "EASEL_DATA_DIR": str(tmp_path)}
    subprocess.run([*command, "--serializer", "json"], cwd=ROOT, env=environment, check=True, capture_output=True)
    assert len(job.return_value(refresh=True)["images"]) == 2
    assert all(list(tmp_path.rglob(f"{job.id}/{index}-*.png")) for index in range(2))
