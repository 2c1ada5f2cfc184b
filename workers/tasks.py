"""The task by its name on the queue: draw one job.

A `BatchWorker` never calls it: it draws many jobs at once. Any other RQ worker does, one by one, without lease,
fence and patience with storage, and with one model loaded per process.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from rq import get_current_job

from app.job_records import new_job_id
from app.messages import JobMessage, Outcome, StoredImage
from app.moderation import Moderator, check_image, image_moderators
from app.settings import Settings
from app.storage import ObjectStore, open_store
from models.catalog import load_catalog
from models.families import load_generator
from models.interface import Image, ImageGenerator, Row
from workers.batching import chunks
from workers.inputs import fetch_input
from workers.storing import describe, encode


class _OneJobFeed:
    """Stores each image as it is done; there is nothing else to tell or to ask."""

    def __init__(
        self, store: ObjectStore, message: JobMessage, model_revision: str, moderators: Sequence[Moderator]
    ) -> None:
        self._store = store
        self._moderators = moderators
        self._message = message
        self._model_revision = model_revision
        self.images: dict[int, StoredImage] = {}
        self.warnings: list[str] = []

    def progress(self, row: Row, step: int, num_steps: int) -> None:
        """Ignore it."""

    def wants_preview(self, row: Row) -> bool:  # noqa: ARG002 - nobody can look
        return False

    def preview(self, row: Row, image: Image) -> None:
        """Ignore it."""

    def cancelled(self, row: Row) -> bool:  # noqa: ARG002 - RQ stops such a worker by signal
        return False

    def admit(self, room: int) -> list[Row]:  # noqa: ARG002 - one job, one batch
        return []

    def warn(self, row: Row, message: str) -> None:  # noqa: ARG002 - there is one job
        self.warnings.append(message)

    def done(self, row: Row, image: Image) -> None:
        check_image(self._moderators, self._message, image)
        data = encode(self._message, row, image, model_revision=self._model_revision)
        stored = describe(self._message, row, data)
        self._store.put(stored.key, data, stored.content_type)
        self.images[row.index] = stored


def render(message: dict[str, Any]) -> dict[str, Any]:
    """Draw a job and return its outcome, as JSON.

    Raises:
        pydantic.ValidationError: it is not a job's message.
        Exception: the generator or the store failed; RQ records it.
    """
    asked = JobMessage.model_validate(message)
    job = get_current_job()
    job_id = job.id if job else new_job_id(0)
    settings = _settings()
    generator = _generator(asked.model)
    store = open_store(settings)
    source = fetch_input(store, asked.request)
    feed = _OneJobFeed(store, asked, generator.revision, image_moderators(settings))
    rows = [Row(asked.request, index, job_id, source) for index in range(asked.request.num_images)]
    for batch in chunks(rows, generator.capabilities.max_batch_size):
        generator.generate(batch, feed)
    images = tuple(feed.images[row.index] for row in rows)
    outcome = Outcome(images=images, warnings=tuple(feed.warnings), model_revision=generator.revision)
    if job:
        job.connection.hset(job.key, "outcome", outcome.model_dump_json())
    return outcome.model_dump(mode="json")


@cache
def _settings() -> Settings:
    return Settings()


@cache
def _generator(model: str) -> ImageGenerator:
    settings = _settings()
    entry = load_catalog(settings.models_file).resolve(model)
    return load_generator(entry, device=settings.device, dtype=settings.dtype)
