"""Worker processes while their storage is away: nothing is drawn twice, nothing is lost, also when they die."""

import asyncio

import pytest

from app.messages import JobStatus
from app.storage.files import FileStore
from tests.processes import wait_until
from tests.workers.test_worker import ended, statuses, submit


class Storage:
    """The workers' folder of objects, which the test takes away and brings back."""

    def __init__(self, folder):
        self._objects = folder / "objects"
        self._hidden = folder / "hidden"
        self._spool = folder / "spool"
        FileStore.open(folder, None)

    def take_away(self):
        self._objects.rename(self._hidden)

    def bring_back(self):
        self._hidden.rename(self._objects)

    def spooled(self):
        return list(self._spool.glob("job_*"))


@pytest.fixture
def storage(tmp_path):
    """Storage that is there."""
    return Storage(tmp_path)


@pytest.fixture
def batches(tmp_path, monkeypatch):
    """A function that lists every job that a generator was given, each as often as it was."""
    path = tmp_path / "batches"
    monkeypatch.setenv("TEST_BATCHES", str(path))

    def drawn():
        lines = path.read_text().splitlines() if path.exists() else []
        return sorted(word for line in lines for word in line.split()[1:])

    return drawn


async def test_drawing_goes_on_while_storage_is_away(job_queue, start_worker, storage, batches):
    """Many batches are drawn meanwhile, each job once; all are stored when storage is back, and the spool is empty."""
    start_worker()
    storage.take_away()
    jobs = await submit(job_queue, *["fox"] * 40)
    await asyncio.to_thread(wait_until, lambda: len(storage.spooled()) == 40, 30)
    storage.bring_back()
    assert set(statuses(await ended(job_queue, jobs))) == {"succeeded"}
    assert batches() == sorted(job.id for job in jobs)
    await asyncio.to_thread(wait_until, lambda: not storage.spooled())


async def test_a_full_spool_makes_drawing_wait(job_queue, start_worker, storage, batches):
    """Beyond the bound of the spool the worker holds at most two batches in memory and claims no third."""
    start_worker(spool_max_bytes=1, environment={"TEST_BATCH_SIZE": "4"})
    storage.take_away()
    jobs = await submit(job_queue, *["fox"] * 20)
    await asyncio.to_thread(wait_until, lambda: len(batches()) > 4, 20)
    await asyncio.sleep(1.0)
    assert 4 < len(batches()) <= 8
    assert storage.spooled() == []
    storage.bring_back()
    assert set(statuses(await ended(job_queue, jobs))) == {"succeeded"}
    assert batches() == sorted(job.id for job in jobs)


async def test_storage_that_stays_away_fails_jobs_in_the_end(job_queue, start_worker, storage):
    """After the patience that the settings name, with a code of its own."""
    start_worker(storage_patience_seconds=0.5)
    storage.take_away()
    (job,) = await ended(job_queue, await submit(job_queue, "fox"))
    assert (job.status, job.outcome.error.code) == (JobStatus.FAILED, "storage_unavailable")
    assert storage.spooled() == []


async def test_what_a_killed_worker_has_spooled_is_not_drawn_again(
    job_queue, start_worker, storage, batches, sync_client
):
    """The next worker on the host uploads the files; nobody holds the death against jobs that were drawn already."""
    doomed = start_worker()
    storage.take_away()
    jobs = await submit(job_queue, *["fox"] * 12)
    await asyncio.to_thread(wait_until, lambda: len(storage.spooled()) == 12, 20)
    await asyncio.to_thread(wait_until, lambda: all(sync_client.hexists(f"rq:job:{job.id}", "drawn") for job in jobs))
    doomed.process.kill()
    storage.bring_back()
    start_worker()
    done = await ended(job_queue, jobs)
    assert {(job.status, job.attempts) for job in done} == {(JobStatus.SUCCEEDED, 2)}
    assert batches() == sorted(job.id for job in jobs)
    assert not any(sync_client.hexists(f"rq:job:{job.id}", "deaths") for job in jobs)
    await asyncio.to_thread(wait_until, lambda: not storage.spooled())


async def test_a_drain_leaves_what_it_could_not_store_to_the_next_worker(job_queue, start_worker, storage, batches):
    """A worker that may wait no longer gives its jobs back uncounted; their images are uploaded by the next."""
    stopping = start_worker(drain_seconds=0.5)
    storage.take_away()
    jobs = await submit(job_queue, *["fox"] * 3)
    await asyncio.to_thread(wait_until, lambda: len(storage.spooled()) == 3, 20)
    assert stopping.stop() == 0
    assert {(await job_queue.get(job.id)).attempts for job in jobs} == {0}
    storage.bring_back()
    start_worker()
    assert set(statuses(await ended(job_queue, jobs))) == {"succeeded"}
    assert batches() == sorted(job.id for job in jobs)


async def test_a_job_canceled_while_it_waits_leaves_nothing(job_queue, start_worker, storage, sync_client):
    """Its file is removed, and its worker lets go of it."""
    start_worker()
    storage.take_away()
    (job,) = await submit(job_queue, "fox")
    await asyncio.to_thread(wait_until, lambda: len(storage.spooled()) == 1, 20)
    await job_queue.cancel(job.id)
    await asyncio.to_thread(wait_until, lambda: not storage.spooled())
    assert (await job_queue.get(job.id)).status is JobStatus.CANCELED
    assert not sync_client.keys("rq:execution*")
