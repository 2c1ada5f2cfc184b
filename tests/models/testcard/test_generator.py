"""The test card as a stand-in for slow models: its times, and what does not share a batch."""

import time

from models.catalog_entries import TestcardModel
from models.interface import GenerationRequest, Row
from models.testcard.generator import TestcardGenerator
from tests.models.contract.recording_feed import RecordingFeed


def rows(count):
    return [Row(GenerationRequest(prompt="a", width=64, height=64, seed=n), 0, str(n)) for n in range(count)]


def test_a_batch_takes_its_seconds():
    """The entry's seconds pass once for the batch, and once more for each image."""
    entry = TestcardModel(id="slow", family="testcard", seconds_per_batch=0.1, seconds_per_image=0.05)
    started = time.monotonic()
    TestcardGenerator(entry).generate(rows(2), RecordingFeed())
    assert time.monotonic() - started >= 0.2


def test_the_entry_bounds_the_batch():
    """`max_batch_size` of the catalogue is what the worker is told."""
    entry = TestcardModel(id="card", family="testcard", max_batch_size=3)
    assert TestcardGenerator(entry).capabilities.max_batch_size == 3


def test_a_preview_shows_the_sheet_coming_out():
    """The part that is printed is final; the rest is faint."""
    (row,) = rows(1)
    feed = RecordingFeed(watched=True)
    TestcardGenerator(TestcardModel(id="card", family="testcard")).generate([row], feed)
    half = feed.previews[row][1]
    assert (half[:32] == feed.images[row][:32]).all()
    assert half[32:].mean() > feed.images[row][32:].mean()
