"""Images while storage is away: kept on disk within a bound, stored later, given up in the end."""

import errno
import os
import threading

import numpy as np
import pytest

from app.errors import StorageUnavailable
from app.metrics import new_registry
from tests.metrics_sample import value
from tests.processes import wait_until
from tests.workers.parts import MemoryStore, claimed_job
from workers.metrics import WorkerMetrics
from workers.spool import Spool, SpoolRefuses, spool_name
from workers.storing import describe, encode
from workers.uploading import Upload, Uploads

NAME = "job.0.0123456789abcdef.png"


class Bench:
    """Uploads to a store that the test takes away and brings back."""

    def __init__(self, spool, patience_seconds=30.0):
        self.store = MemoryStore()
        self.store.away = True
        self.spool = spool
        self.metrics = WorkerMetrics(new_registry())
        self.stored, self.failed = [], []
        self.uploads = Uploads(self.store, spool, patience_seconds, self.metrics)

    def put(self, job):
        """Send the first image of a job on its way."""
        row = job.rows[0]
        data = encode(job.message, row, np.full((8, 8, 3), 128, np.uint8), model_revision="r1")
        image, name = describe(job.message, row, data), spool_name(job.message, row, "r1")
        ended = {"on_stored": lambda: self.stored.append(job.id), "on_failed": lambda _: self.failed.append(job.id)}
        self.uploads.put(Upload(job, image, name, data, **ended))
        return image


@pytest.fixture
def spool(tmp_path):
    """A spool with room for a megabyte."""
    return Spool(tmp_path / "spool", 1_000_000)


@pytest.fixture
def bench(spool):
    """A store that is away, and a spool."""
    bench = Bench(spool)
    yield bench
    bench.uploads.close()


def files(spool):
    """The names of what lies in the spool."""
    return sorted(path.name for path in spool._folder.iterdir() if path.is_file())


def test_images_wait_on_disk_and_are_stored_when_storage_is_back(bench, spool):
    """Nothing of them stays in memory meanwhile, and nothing on disk afterwards."""
    images = [bench.put(claimed_job(name)) for name in "abc"]
    assert (bench.uploads.in_memory, len(files(spool)), bench.stored) == (0, 3, [])
    assert value(bench.metrics.render(), "easel_spooled_images") == 3
    assert value(bench.metrics.render(), "easel_spooled_bytes") == sum(image.bytes for image in images)
    bench.store.away = False
    wait_until(lambda: len(bench.stored) == 3)
    wait_until(lambda: files(spool) == [])
    assert set(bench.store.objects) == {image.key for image in images}
    wait_until(lambda: value(bench.metrics.render(), "easel_spooled_images") == 0)
    assert value(bench.metrics.render(), "easel_upload_retries_total", model="card") >= 3


def test_a_full_spool_leaves_images_in_memory(tmp_path):
    """What has no room on disk counts as on its way, so that drawing waits; it is stored all the same."""
    bench = Bench(Spool(tmp_path / "spool", 100))
    bench.put(claimed_job("a"))
    assert (bench.uploads.in_memory, files(bench.spool)) == (1, [])
    bench.store.away = False
    wait_until(lambda: bench.stored == ["a"])
    assert bench.uploads.in_memory == 0
    bench.uploads.close()


def test_patience_has_an_end(tmp_path, spool):
    """A store that stays away is the job's failure in the end, and its file goes."""
    bench = Bench(spool, patience_seconds=0.3)
    bench.put(claimed_job("a"))
    wait_until(lambda: bench.failed == ["a"])
    assert (bench.stored, files(spool)) == ([], [])
    bench.uploads.close()


def test_one_object_that_is_refused_does_not_hold_up_the_others(bench):
    """Those who wait take turns in asking."""
    bench.store.refused = bench.put(claimed_job("bad")).key
    bench.put(claimed_job("good"))
    bench.store.away = False
    wait_until(lambda: bench.stored == ["good"])
    assert bench.failed == []


def test_a_job_that_is_dropped_waits_no_longer(bench, spool):
    """A canceled job's image is removed; one that another worker has taken over stays for that worker."""
    canceled, lost = claimed_job("canceled"), claimed_job("lost")
    bench.put(canceled)
    bench.put(lost)
    canceled.dropped, lost.dropped = "stopped", "lost"
    wait_until(lambda: sorted(bench.failed) == ["canceled", "lost"])
    assert [name.partition(".")[0] for name in files(spool)] == ["lost"]


def test_a_job_that_is_given_back_leaves_its_images(bench, spool):
    """What is drawn again needs no second drawing."""
    job = claimed_job("again")
    bench.put(job)
    bench.uploads.drop(job)
    bench.store.away = False
    assert [name.partition(".")[0] for name in files(spool)] == ["again"]
    assert bench.stored == []


def test_a_file_that_another_worker_took_and_stored_is_no_loss(bench, spool):
    """Two workers of a host may have the same image waiting; whoever is second finds it stored."""
    image = bench.put(claimed_job("a"))
    (name,) = files(spool)
    bench.store.objects[image.key] = (spool.get(name), image.content_type)
    spool.remove(name)
    bench.store.away = False
    wait_until(lambda: bench.stored == ["a"])


def test_a_spool_has_a_bound(tmp_path):
    """It holds as many bytes as it may, whoever of the host's workers has put them there, and says so."""
    one, other = (Spool(tmp_path / "spool", 1000) for _ in range(2))
    one.put(NAME, b"x" * 600)
    with pytest.raises(SpoolRefuses, match="holds 600 of 1000 bytes"):
        other.put(NAME.replace("job", "other"), b"x" * 600)
    one.remove(NAME)
    one.put(NAME, b"x" * 600)


def test_a_full_disk_is_named_and_leaves_nothing_torn(spool, monkeypatch):
    """The refusal says what the disk answers; no part of the image stays."""

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SpoolRefuses, match="No space left on device"):
        spool.put(NAME, b"x")
    assert [path for path in spool._folder.rglob("*") if path.is_file()] == []


def test_a_folder_that_cannot_be_written_is_refused_at_once(tmp_path):
    """An outage is not the moment to find out."""
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(StorageUnavailable, match="spool"):
        Spool(tmp_path / "spool", 1000)


def test_what_nobody_came_for_is_swept(spool):
    """Files that are older than any job's patience go, others stay."""
    spool.put(NAME, b"x")
    assert spool.sweep(60) == 0
    os.utime(spool._folder / NAME, (0, 0))
    assert (spool.sweep(60), spool.get(NAME)) == (1, None)


def test_many_threads_keep_the_bound(tmp_path):
    """Several images that come at once do not take the same room."""
    spool, refused = Spool(tmp_path / "spool", 1000), []

    def put(number):
        try:
            spool.put(f"job.{number}.0.png", b"x" * 300)
        except SpoolRefuses:
            refused.append(number)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(files(spool)), len(refused)) == (3, 5)
