"""The sweeper runs beside the gateway and outlives a failing store."""

import asyncio
import os
import shutil
import time

from structlog.testing import capture_logs

from app.errors import ObjectNotFound
from app.storage.sweeping import MARGIN_SECONDS, sweep_regularly


async def swept_for(store, seconds):
    """Let the sweeper run for a moment and give what it logged."""
    with capture_logs() as lines:
        task = asyncio.create_task(sweep_regularly(store, retention_seconds=60, pause_seconds=0.01))
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return lines


def found(store, key):
    """Tell whether the object is there."""
    try:
        return bool(store.get(key))
    except ObjectNotFound:
        return False


async def test_objects_end_after_their_jobs(file_store, tmp_path):
    """An image stays while its job can be read and somewhat longer; then it ends."""
    for key, age_seconds in (("young.png", 50), ("kept.png", 120), ("old.png", 60 + MARGIN_SECONDS + 10)):
        file_store.put(key, b"x", "image/png")
        os.utime(tmp_path / "objects" / key, (time.time() - age_seconds,) * 2)
    await swept_for(file_store, 0.1)
    assert [found(file_store, key) for key in ("young.png", "kept.png", "old.png")] == [True, True, False]


async def test_failing_store_does_not_end_the_sweeper(file_store, tmp_path):
    """Each failure is logged, and the next sweep is tried."""
    file_store.put("folder/a.png", b"x", "image/png")
    shutil.rmtree(tmp_path / "objects" / ".partial")
    lines = await swept_for(file_store, 0.2)
    assert [line["event"] for line in lines[:2]] == ["sweep_failed", "sweep_failed"]
