"""Each job of a batch gets its own outcome, whatever its batch-mates do."""

import numpy as np
import pytest
from rq.timeouts import JobTimeoutException

from app.metrics import new_registry
from tests.workers.parts import FinishingRecord, claimed_job
from workers.failures import DeviceLost
from workers.feeds import BatchFeed
from workers.metrics import WorkerMetrics
from workers.paces import PaceMeter
from workers.rendering import draw

IMAGE = np.zeros((8, 8, 3), np.uint8)


class Easel:
    """Draws jobs with a generator of the test's own and remembers the batches."""

    def __init__(self, *jobs, admits=()):
        self.record = FinishingRecord()
        self.batches = []
        self.splits = []
        waiting = list(admits)
        admit = lambda room: [waiting.pop(0)] if waiting and room else []  # noqa: E731 - one line says it
        self.feed = BatchFeed("card", self.record, admit, WorkerMetrics(new_registry()), PaceMeter())
        self._rows = self.feed.add(jobs)

    def draw(self, generate, max_rows=8):
        def noting(rows, feed):
            self.batches.append([row.job_id for row in rows])
            generate(rows, feed)

        draw(noting, self._rows, self.feed, max_rows, lambda cause, rows: self.splits.append((cause, rows)))
        return self.record


def finish_all(rows, feed):
    """A generator without fault."""
    for row in rows:
        feed.done(row, IMAGE)


def raising_for(name, error=ValueError):
    """A generator that raises when a certain job is in the batch."""

    def generate(rows, feed):
        if any(row.job_id == name for row in rows):
            raise error
        finish_all(rows, feed)

    return generate


def test_the_culprit_fails_alone():
    """A batch of eight that raises is drawn in halves until one job stands alone."""
    easel = Easel(*(claimed_job(name) for name in "abcdefgh"))
    record = easel.draw(raising_for("c"))
    assert record.failed == {"c": "ValueError"}
    assert sorted(name for name, _ in record.stored) == list("abdefgh")
    assert [len(batch) for batch in easel.batches] == [8, 4, 2, 2, 1, 1, 4]


def test_what_is_done_is_not_drawn_again():
    """Rows that were finished before the batch raised stay finished."""

    def fail_after_the_first(rows, feed):
        feed.done(rows[0], IMAGE)
        if len(rows) > 1:
            raise ValueError

    easel = Easel(*(claimed_job(name) for name in "abc"))
    record = easel.draw(fail_after_the_first)
    assert sorted(record.stored) == [("a", 0), ("b", 0), ("c", 0)]
    assert record.failed == {}


def test_a_job_that_has_failed_is_not_drawn_further():
    """When one of its images fails, the others of the same job are dropped."""
    easel = Easel(claimed_job("bad", num_images=6), claimed_job("good"))
    record = easel.draw(raising_for("bad"))
    assert record.failed == {"bad": "ValueError"}
    assert record.stored == [("good", 0)]


def test_canceled_rows_are_not_drawn():
    """A job that was stopped before its batch began is left out."""
    stopped = claimed_job("stopped")
    easel = Easel(stopped, claimed_job("other"))
    stopped.dropped = "stopped"
    assert easel.draw(finish_all).stored == [("other", 0)]


def test_a_large_job_is_drawn_in_chunks():
    """More images than a batch holds are drawn one batch after the other."""
    easel = Easel(claimed_job(num_images=5))
    assert len(easel.draw(finish_all, max_rows=2).stored) == 5
    assert [len(batch) for batch in easel.batches] == [2, 2, 1]


def test_an_image_that_never_comes_is_a_failure():
    """A generator that returns without an image has failed its job."""
    assert Easel(claimed_job("a")).draw(lambda *_: None).failed == {"a": "ImageMissing"}


def test_out_of_memory_is_told_apart():
    """Whoever learns from it hears how many images did not fit."""
    error = type("OutOfMemoryError", (RuntimeError,), {})
    easel = Easel(claimed_job("a"), claimed_job("b"))
    easel.draw(raising_for("a", error))
    assert easel.splits == [("out_of_memory", 2)]


def test_a_time_limit_blames_nobody_in_company():
    """When several jobs ran into the limit, the batch is left to be drawn job by job."""
    with pytest.raises(JobTimeoutException):
        Easel(claimed_job("a"), claimed_job("b")).draw(raising_for("a", JobTimeoutException))


def test_a_time_limit_alone_fails_the_job():
    """A job that hangs by itself has failed."""
    easel = Easel(claimed_job("a", num_images=3))
    assert easel.draw(raising_for("a", JobTimeoutException)).failed == {"a": "JobTimeoutException"}


def test_a_lost_device_ends_everything():
    """An error after which nothing can be drawn is not bisected."""
    broken = RuntimeError("CUDA error: an illegal memory access was encountered")
    easel = Easel(claimed_job("a"), claimed_job("b"))
    with pytest.raises(DeviceLost):
        easel.draw(raising_for("a", broken))
    assert len(easel.batches) == 1


def test_rows_that_joined_are_part_of_the_batch():
    """A job admitted into a batch that then raises is drawn again like the others."""

    def admit_then_raise_once(rows, feed):
        joined = feed.admit(7)
        if joined:
            raise ValueError
        finish_all(rows, feed)

    easel = Easel(claimed_job("a"), claimed_job("b"), admits=[claimed_job("late")])
    assert sorted(easel.draw(admit_then_raise_once).stored) == [("a", 0), ("b", 0), ("late", 0)]
