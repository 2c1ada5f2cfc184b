"""Ends images in files some time after the records of their jobs; a bucket has a lifecycle rule for that."""

from __future__ import annotations

import asyncio

import structlog

from app.errors import StorageUnavailable
from app.storage.contract import ObjectStore
from app.storage.files import FileStore

log = structlog.get_logger()

MARGIN_SECONDS = 3600.0  # an image is never gone while its job can still be read
PAUSE_SECONDS = 600.0


async def sweep_regularly(
    store: ObjectStore, retention_seconds: float, *, pause_seconds: float = PAUSE_SECONDS
) -> None:
    """Remove files that have outlived the retention, again and again until cancelled; leave a bucket to its own rule.

    A sweep that fails is logged, and the next one does its work.
    """
    if not isinstance(store, FileStore):
        return
    while True:
        try:
            removed = await asyncio.to_thread(store.sweep, retention_seconds + MARGIN_SECONDS)
        except StorageUnavailable as error:
            log.warning("sweep_failed", reason=error.detail)
        else:
            log.info("swept", removed=removed)
        await asyncio.sleep(pause_seconds)
