"""From what workers have measured to a job's estimate, through a real Redis."""

import pytest

from app.announcements import ModelProfile, announce
from app.fleet import Fleet
from app.forecasts import Forecasts
from app.messages import JobMessage, WorkerAnnouncement
from models.interface import Capabilities, GenerationRequest
from workers.claims import Claims
from workers.paces import PaceSample

REQUEST = GenerationRequest(prompt="fox", width=8, height=8, seed=1)


@pytest.fixture
def claims(sync_client):
    """A worker that serves two models."""
    sync_client.sadd("rq:workers", "rq:worker:w")
    said = WorkerAnnouncement(worker="w", models=("card", "other"), device="cpu", dtype="float32")
    profile = ModelProfile(Capabilities(options={}, max_batch_size=1), "r1")
    announce(sync_client, said, {"card": profile, "other": profile})
    return Claims(sync_client, "w", 3600)


@pytest.fixture
def forecasts(async_client, job_queue, claims):
    """What a gateway expects that asks for the first time."""
    return Forecasts(job_queue, Fleet(async_client))


def submit(queue, model="card", priority="normal"):
    """Queue a job."""
    return queue.submit(JobMessage(model=model, request=REQUEST), batch_key="8", cost=1.0, priority=priority)


async def test_a_job_is_estimated_from_what_others_took(job_queue, forecasts, claims):
    """Ten jobs ahead of one second each, of whatever model the workers draw: about ten seconds."""
    claims.learn([PaceSample(model, "8x8", 1, 1.0, 1.0) for model in ("card", "other")])
    for _ in range(5):
        await submit(job_queue, "other")
    for _ in range(4):
        await submit(job_queue)
    await submit(job_queue, priority="high")
    job = await submit(job_queue)
    estimate = await forecasts.of_job(job)
    assert (job.position, estimate.seconds_to_start.p50) == (5, pytest.approx(10, rel=0.15))
    assert estimate.seconds_to_finish.p50 - estimate.seconds_to_start.p50 == pytest.approx(1.0)


async def test_nothing_is_known_before_the_first_image(job_queue, forecasts):
    """An estimate that cannot be made is none."""
    job = await submit(job_queue)
    assert await forecasts.of_job(job) is None
    assert await forecasts.retry_after("card") is None
    assert await forecasts.retry_after("unknown") is None


async def test_an_ended_job_has_no_estimate(job_queue, forecasts, claims):
    """There is nothing to wait for."""
    claims.learn([PaceSample("card", "8x8", 1, 1.0, 1.0)])
    job = await submit(job_queue)
    assert await forecasts.of_job(await job_queue.cancel(job.id)) is None


async def test_speeds_are_running_means(job_queue, claims):
    """A change of speed is taken up image by image, and each kind has its own."""
    claims.learn([PaceSample("card", "8x8", 1, 1.0, 4.0), PaceSample("card", "16x16", 1, 3.0, 3.0)])
    claims.learn([PaceSample("card", "8x8", 100, 2.0, 8.0)])
    paces = (await job_queue.lines(["card"]))["card"].paces
    assert paces["8x8"].seconds_per_image == pytest.approx(2.0, rel=0.01)
    assert paces["8x8"].seconds_to_draw == pytest.approx(8.0, rel=0.01)
    assert paces["16x16"].seconds_per_image == 3.0


async def test_the_kinds_kept_are_bounded(claims, sync_client):
    """Whoever asks for every size there is does not fill Redis."""
    claims.learn([PaceSample("card", f"{side}x8", 1, 1.0, 1.0) for side in range(300)])
    assert sync_client.hlen("easel:paces:card") == 256
