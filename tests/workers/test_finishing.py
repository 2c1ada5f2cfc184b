"""Images become objects and jobs become outcomes, each once, beside the next batch."""

import hashlib
import threading
import time

import numpy as np
import pytest

from app.metrics import new_registry
from app.provenance import read_provenance
from models.interface import Row
from tests.workers.parts import MemoryStore, claimed_job
from workers import finishing
from workers.finishing import Finishing
from workers.metrics import WorkerMetrics
from workers.storing import EncodingFailed, describe, encode
from workers.uploading import Uploads

IMAGE = np.full((8, 8, 3), 128, np.uint8)


class Bench:
    """Finishing with a store in memory, and the endings that it hands over."""

    def __init__(self, store=None, moderators=()):
        self.endings = []
        self.store = store or MemoryStore()
        metrics = WorkerMetrics(new_registry())
        uploads = Uploads(self.store, None, 30.0, metrics)
        self.finishing = Finishing(uploads, None, self.endings.append, metrics, moderators)

    def begin(self, job):
        self.finishing.begin(job, batch_size=3, is_batch_full=True, model_revision="r1")
        return job.rows

    def close(self):
        self.finishing.close(give_up=lambda: False)
        return self.endings


@pytest.fixture
def job():
    """A job of three images."""
    return claimed_job(num_images=3)


def test_a_job_ends_when_its_last_image_is_stored(job):
    """Images may come in any order; the outcome holds them in theirs, and comes once."""
    bench = Bench()
    first, second, third = bench.begin(job)
    for row in (third, first, second):
        bench.finishing.store(job, row, IMAGE)
    (ending,) = bench.close()
    assert [image.key.partition("-")[0] for image in ending.outcome.images] == [f"images/job/{n}" for n in range(3)]
    assert bench.store.kept_seconds == {image.key: job.keep_seconds for image in ending.outcome.images}
    assert (ending.outcome.model_revision, ending.outcome.timings.batch_size) == ("r1", 3)


def test_the_next_batch_goes_before_the_images(job, monkeypatch):
    """What is drawn waits until the worker has begun its next batch, so that no thread slows that down."""
    monkeypatch.setattr(finishing, "_HEAD_START_SECONDS", 60.0)
    bench = Bench()
    for row in bench.begin(job):
        bench.finishing.store(job, row, IMAGE)
    time.sleep(0.05)
    assert not bench.store.objects
    bench.finishing.go_on()
    (ending,) = bench.close()
    assert len(ending.outcome.images) == 3


def test_a_failure_ends_a_job_once(job):
    """The first error counts; images that come later change nothing."""
    bench = Bench()
    rows = bench.begin(job)
    bench.finishing.fail(job, ValueError("secret prompt"))
    bench.finishing.fail(job, KeyError())
    for row in rows:
        bench.finishing.store(job, row, IMAGE)
    (ending,) = bench.close()
    assert ending.outcome.error.code == "generation_failed"
    assert "secret" not in ending.trace + ending.outcome.model_dump_json()


class NoPictures:
    """Refuses every image, or breaks."""

    def __init__(self, error=None):
        self._error = error

    def refuse_image(self, message, image):  # noqa: ARG002 - a moderator is asked so
        if self._error:
            raise self._error
        return "a picture"


@pytest.mark.parametrize(
    ("moderator", "code"),
    [(NoPictures(), "moderation_blocked"), (NoPictures(ValueError("secret prompt")), "moderation_unavailable")],
)
def test_a_picture_that_may_not_be_shown_is_not_stored(job, moderator, code):
    """Its job fails with a code of its own; a check that breaks lets nothing pass."""
    bench = Bench(moderators=[moderator])
    for row in bench.begin(job):
        bench.finishing.store(job, row, IMAGE)
    (ending,) = bench.close()
    assert (ending.outcome.error.code, bench.store.objects) == (code, {})
    assert "secret" not in ending.trace


def test_an_image_that_cannot_be_encoded_fails_its_job(job):
    """A generator's nonsense is the job's failure, not the worker's."""
    bench = Bench()
    bench.finishing.store(job, bench.begin(job)[0], np.zeros((8, 8), np.float32))
    (ending,) = bench.close()
    assert ending.outcome.error.code == "encoding_failed"


def test_a_forgotten_job_has_no_ending(job):
    """What was canceled or given back is nobody's business here any more."""
    bench = Bench()
    rows = bench.begin(job)
    bench.finishing.forget(job)
    bench.finishing.store(job, rows[0], IMAGE)
    assert bench.close() == []


def test_warnings_are_told_once(job):
    """The same note about each image of a job is one note."""
    bench = Bench()
    for row in bench.begin(job):
        bench.finishing.warn(job, "does not know the word 'zyx'")
        bench.finishing.store(job, row, IMAGE)
    (ending,) = bench.close()
    assert ending.outcome.warnings == ("does not know the word 'zyx'",)


def test_slow_storage_slows_drawing_down(job):
    """While more images are on their way than there is room for, nobody starts another batch."""
    bench = Bench()
    bench.store.gate.clear()
    for row in bench.begin(job):
        bench.finishing.store(job, row, IMAGE)
    threading.Timer(0.1, bench.store.gate.set).start()
    started = time.monotonic()
    bench.finishing.wait_for_room(0, lambda: False)
    assert time.monotonic() - started >= 0.09
    assert len(bench.store.objects) == 3


def test_waiting_for_room_ends_with_the_worker(job):
    """A worker that stops does not wait for storage."""
    bench = Bench()
    bench.store.gate.clear()
    bench.finishing.store(job, bench.begin(job)[0], IMAGE)
    bench.finishing.wait_for_room(0, lambda: True)
    bench.store.gate.set()


def test_an_encoded_image_is_marked_and_described():
    """What is stored says by which model it was made, and its record says exactly what it is."""
    job = claimed_job()
    data = encode(job.message, job.rows[0], IMAGE, model_revision="r1")
    stored = describe(job.message, job.rows[0], data)
    assert read_provenance(data).model_revision == "r1"
    assert (stored.key, stored.width, stored.height) == (f"images/job/0-{stored.sha256[:16]}.png", 8, 8)
    assert (stored.bytes, stored.content_type, stored.seed) == (len(data), "image/png", 7)


def test_a_late_put_of_another_picture_changes_nothing():
    """Two workers of different revisions draw the same job; whichever puts last, each image is as its record says."""
    job, store = claimed_job(), MemoryStore()
    drawn = [encode(job.message, job.rows[0], IMAGE, model_revision=revision) for revision in ("r1", "r2", "r1")]
    described = [describe(job.message, job.rows[0], data) for data in drawn]
    for image, data in zip(described, drawn, strict=True):
        store.put(image.key, data, image.content_type)
    assert len(store.objects) == 2
    for image in described:
        assert hashlib.sha256(store.get(image.key)).hexdigest() == image.sha256


def test_an_image_of_the_wrong_form_is_an_error_of_its_own():
    """What cannot be encoded is told apart from what cannot be stored."""
    job = claimed_job()
    with pytest.raises(EncodingFailed):
        encode(job.message, Row(job.message.request), "no image", model_revision="r1")
