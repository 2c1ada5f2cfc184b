"""When an unfinished picture is drawn, and which one is passed on."""

import numpy as np
import pytest

from app.metrics import new_registry
from tests.workers.parts import FinishingRecord, claimed_job
from workers.feeds import BatchFeed
from workers.metrics import WorkerMetrics
from workers.paces import PaceMeter
from workers.previews import PREVIEWS_PER_IMAGE


@pytest.fixture
def feed():
    """A feed without jobs that could join."""
    return BatchFeed("card", FinishingRecord(), lambda _room: [], WorkerMetrics(new_registry()), PaceMeter())


def steps_shown(feed, row, num_steps):
    """Draw a row to its end and tell at which steps it was shown."""
    shown = []
    for step in range(1, num_steps + 1):
        feed.progress(row, step, num_steps)
        if feed.wants_preview(row):
            feed.preview(row, np.full((8, 8, 3), step, np.uint8))
            shown.append(step)
    return shown


def test_nobody_looks(feed):
    """Without a follower nothing is decoded."""
    (row,) = feed.add([claimed_job()])
    assert steps_shown(feed, row, 50) == []


@pytest.mark.parametrize(("num_steps", "expected"), [(1, []), (4, [1, 2, 3]), (18, [2, 4, 6, 8, 10, 12, 14, 16])])
def test_previews_are_spread_over_the_steps(feed, num_steps, expected):
    """Few steps are all shown but the last, many are shown eight times."""
    job = claimed_job()
    job.previews.wanted = True
    (row,) = feed.add([job])
    assert steps_shown(feed, row, num_steps) == expected
    assert len(expected) <= PREVIEWS_PER_IMAGE


def test_only_the_latest_is_passed_on(feed):
    """A lease thread that comes late sends one picture of each image, and its number tells how many there were."""
    job = claimed_job(num_images=2)
    job.previews.wanted = True
    for row in feed.add([job]):
        steps_shown(feed, row, 4)
    assert [(one.index, one.number, one.image[0, 0, 0]) for one in job.previews.take()] == [(0, 2, 3), (1, 2, 3)]
    assert not job.previews
