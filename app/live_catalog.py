"""The list of models in force in a gateway: read at its start, and again when it is told to."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import structlog

from app.errors import EaselError
from app.jobs import JobQueue
from app.messages import JobStatus
from app.metrics import GatewayMetrics
from models.catalog import CatalogError, load_catalog

log = structlog.get_logger()

RETRY_SECONDS = 2.0


class LiveCatalog:
    """The catalogue as it was last read without a mistake."""

    def __init__(self, path: Path | None) -> None:
        """Read it.

        Raises:
            CatalogError: the list of models is wrong.
        """
        self._path = path
        self.current = load_catalog(path)
        self.read_at = int(time.time())  # Unix seconds

    def read_again(self) -> set[str]:
        """Put the file into force as it is now, unless it has mistakes; return the models that it no longer lists."""
        try:
            catalog = load_catalog(self._path)
        except CatalogError as error:
            log.error("catalog_refused", problems=str(error).splitlines())  # noqa: TRY400 - it names its place itself
            return set()
        gone = self.current.models.keys() - catalog.models.keys()
        self.current, self.read_at = catalog, int(time.time())
        log.info("catalog_read", models=list(catalog.models), removed=sorted(gone))
        return gone


async def read_again_when_asked(
    catalog: LiveCatalog, asked: asyncio.Event, queue: JobQueue, metrics: GatewayMetrics
) -> None:
    """Read the catalogue again whenever the event is set, and fail the jobs that wait for what it no longer holds."""
    while True:
        await asked.wait()
        asked.clear()
        for model in await asyncio.to_thread(catalog.read_again):
            await _fail_waiting(queue, model, metrics)


async def _fail_waiting(queue: JobQueue, model: str, metrics: GatewayMetrics) -> None:
    while True:
        try:
            failed = await queue.fail_waiting(model)
        except EaselError as error:
            log.warning("waiting_jobs_not_failed", model=model, reason=error.detail)
            await asyncio.sleep(RETRY_SECONDS)
            continue
        for job_id in failed:
            metrics.job_finished(model, JobStatus.FAILED, "model_removed")
            log.info("job_without_model", job_id=job_id, model=model)
        if not failed:
            return
