"""Draws the rows of a batch so that each job gets its own outcome, whatever its batch-mates do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog
from rq.timeouts import JobTimeoutException

from models.interface import Row
from workers.batching import chunks, halves
from workers.failures import DeviceLost, ImageMissing, SplitCause, is_device_lost, is_out_of_memory, trace_of
from workers.feeds import BatchFeed

log = structlog.get_logger()

Generate = Callable[[Sequence[Row], BatchFeed], None]
OnSplit = Callable[[SplitCause, int], None]


def draw(generate: Generate, rows: Sequence[Row], feed: BatchFeed, max_rows: int, on_split: OnSplit) -> None:
    """Draw all rows, at most `max_rows` at once; each ends in `feed.done` or `feed.fail`, or was cancelled.

    Raises:
        JobTimeoutException: the time limit passed while several jobs were being drawn, so nobody knows whose
            fault it is.
        DeviceLost: nothing can be drawn in this process any more.
    """
    for chunk in chunks(rows, max_rows):
        _draw(generate, feed.unfinished(chunk), feed, on_split)


def _draw(generate: Generate, rows: Sequence[Row], feed: BatchFeed, on_split: OnSplit) -> None:
    """Draw rows at once; if that raises, draw halves, until the culprit stands alone."""
    if not rows:
        return
    error = _attempt(generate, rows, feed)
    rows = [*rows, *feed.take_admitted()]
    left = feed.unfinished(rows)
    if not left:
        return
    error = error or ImageMissing()
    if len({row.job_id for row in rows}) > 1 and isinstance(error, JobTimeoutException):
        raise error
    if len(rows) == 1 or isinstance(error, JobTimeoutException):
        feed.fail(rows[0], error)
        return
    cause: SplitCause = "out_of_memory" if is_out_of_memory(error) else "error"
    log.warning("batch_split", images=len(rows), cause=cause, error=type(error).__name__, trace=trace_of(error))
    on_split(cause, len(rows))
    error = None  # its frames hold the failed batch's memory
    for half in halves(left):
        _draw(generate, feed.unfinished(half), feed, on_split)


def _attempt(generate: Generate, rows: Sequence[Row], feed: BatchFeed) -> Exception | None:
    try:
        generate(rows, feed)
    except Exception as error:
        if is_device_lost(error):
            raise DeviceLost from error
        return error
    return None
