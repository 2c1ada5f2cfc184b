"""A worker process that serves two models of which one fits into memory, with a real Redis."""

import pytest

from app.announcements import model_states
from app.messages import JobMessage, JobStatus
from models.interface import GenerationRequest


def submit(queue, model):
    """Queue a job for a model."""
    request = GenerationRequest(prompt="fox", width=8, height=8, seed=1)
    return queue.submit(JobMessage(model=model, request=request), batch_key="8x8", cost=1.0)


async def ended(queue, jobs):
    """Wait until all jobs have ended."""
    return [await queue.wait(job.id, 20) for job in jobs]


async def loaded(client):
    """What the worker says to have loaded, of what it serves."""
    states = await model_states(client)
    return {model: state.loaded_by for model, state in states.items() if state.ready}


@pytest.fixture
def worker(start_worker, tmp_path):
    """The process; a file with a model's name in `broken` keeps it from being loaded."""
    (tmp_path / "broken").mkdir()
    return start_worker(environment={"TEST_MODELS": "card other", "TEST_BROKEN": str(tmp_path / "broken")})


async def test_jobs_of_both_models_are_drawn(job_queue, async_client, worker):
    """Each is loaded for its jobs, and what is loaded is announced."""
    assert await loaded(async_client) == {"card": 0, "other": 1}
    jobs = [await submit(job_queue, model) for model in ("card", "other") * 5]
    assert {job.status for job in await ended(job_queue, jobs)} == {JobStatus.SUCCEEDED}
    await ended(job_queue, [await submit(job_queue, "other")])
    await ended(job_queue, [await submit(job_queue, "card")])
    assert await loaded(async_client) == {"card": 1, "other": 0}
    assert worker.stop() == 0


async def test_a_model_that_cannot_be_loaded_again_harms_no_other(job_queue, async_client, worker, tmp_path):
    """Its jobs fail with a code that says so, it is not announced any more, and the worker goes on."""
    (tmp_path / "broken" / "card").touch()
    (job,) = await ended(job_queue, [await submit(job_queue, "card")])
    assert (job.status, job.outcome.error.code) == (JobStatus.FAILED, "model_not_loaded")
    (job,) = await ended(job_queue, [await submit(job_queue, "other")])
    assert job.status is JobStatus.SUCCEEDED
    assert await loaded(async_client) == {"other": 1}
    assert worker.stop() == 0


async def test_a_worker_that_can_load_nothing_any_more_ends(job_queue, worker, tmp_path):
    """Whoever supervises it starts another, and the job that it could not draw waits for that one."""
    for model in ("card", "other"):
        (tmp_path / "broken" / model).touch()
    await ended(job_queue, [await submit(job_queue, "card")])
    job = await submit(job_queue, "other")
    assert worker.process.wait(20) == 1
    assert (await job_queue.get(job.id)).status is JobStatus.QUEUED
