"""Takes images from the generator to storage, and their jobs to an outcome, beside the next batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from app.errors import StorageUnavailable
from app.messages import JobError, Outcome, StoredImage, Timings
from app.storage import ObjectStore
from models.interface import Image, Row
from workers.claimed_job import ClaimedJob
from workers.claims import Ending
from workers.failures import job_error, trace_of
from workers.metrics import WorkerMetrics
from workers.storing import EncodingFailed, Stored, store_image

_THREADS = 4
_LOOK_AGAIN_SECONDS = 0.2


@dataclass(eq=False)
class _Drawing:
    """A job from the start of its batch to its ending."""

    job: ClaimedJob
    batch_size: int
    model_revision: str
    started_at: float = field(default_factory=time.monotonic)
    generation_seconds: float = 0.0
    encode_seconds: float = 0.0
    upload_seconds: float = 0.0
    images: dict[int, StoredImage] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def outcome(self, error: JobError | None = None) -> Outcome:
        """Say how the job ended: with its images in order, or with the error."""
        return Outcome(
            images=() if error else tuple(self.images[index] for index in sorted(self.images)),
            error=error,
            warnings=tuple(dict.fromkeys(self.warnings)),
            model_revision=self.model_revision,
            timings=Timings(
                wait_seconds=self.job.waited_seconds,
                generation_seconds=self.generation_seconds,
                encode_seconds=self.encode_seconds,
                upload_seconds=self.upload_seconds,
                batch_size=self.batch_size,
            ),
        )


class Finishing:
    """Encodes and uploads images in a few threads and hands each job's ending to `commit`, once."""

    def __init__(self, store: ObjectStore, commit: Callable[[Ending], None], metrics: WorkerMetrics) -> None:
        self._store = store
        self._commit = commit
        self._metrics = metrics
        self._drawings: dict[str, _Drawing] = {}  # by job id, until the ending is handed over
        self._images_in_flight = 0
        self._changed = threading.Condition()
        self._pool = ThreadPoolExecutor(_THREADS, "store")

    def begin(self, job: ClaimedJob, *, batch_size: int, model_revision: str) -> None:
        """Expect images of a job."""
        with self._changed:
            self._drawings[job.id] = _Drawing(job, batch_size, model_revision)

    def warn(self, job: ClaimedJob, message: str) -> None:
        """Add a note for the job's owner."""
        if drawing := self._drawings.get(job.id):
            drawing.warnings.append(message)

    def store(self, job: ClaimedJob, row: Row, image: Image) -> None:
        """Encode and upload an image; the last one of a job ends it."""
        drawing = self._drawings.get(job.id)
        if drawing is None:
            return
        drawing.generation_seconds = time.monotonic() - drawing.started_at
        with self._changed:
            self._images_in_flight += 1
        self._pool.submit(self._store_one, drawing, row, image)

    def fail(self, job: ClaimedJob, error: Exception) -> None:
        """End a job with what went wrong while drawing it."""
        if drawing := self._drawings.get(job.id):
            drawing.generation_seconds = time.monotonic() - drawing.started_at
            self._fail(drawing, job_error(error), trace_of(error))

    def forget(self, job: ClaimedJob) -> None:
        """Expect nothing more of a job that was canceled or given back."""
        with self._changed:
            self._drawings.pop(job.id, None)
            self._changed.notify_all()

    def is_behind(self, images: int) -> bool:
        """Whether more images than that are on their way."""
        return self._images_in_flight > images

    def wait_for_room(self, room: int, stopped: Callable[[], bool]) -> None:
        """Block until at most `room` images are on their way, so that slow storage slows drawing down."""
        with self._changed:
            while self.is_behind(room) and not stopped():
                self._changed.wait(_LOOK_AGAIN_SECONDS)

    def close(self, *, give_up: Callable[[], bool]) -> None:
        """Wait until all drawings have ended, or until it is time to give up, and stop the threads."""
        with self._changed:
            while self._drawings and not give_up():
                self._changed.wait(_LOOK_AGAIN_SECONDS)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _store_one(self, drawing: _Drawing, row: Row, image: Image) -> None:
        try:
            message, revision = drawing.job.message, drawing.model_revision
            self._stored(drawing, row, store_image(self._store, message, row, image, model_revision=revision))
        except EncodingFailed as error:
            self._fail(
                drawing, JobError(code="encoding_failed", message="the image cannot be encoded"), trace_of(error)
            )
        except StorageUnavailable as error:
            self._fail(drawing, JobError(code=error.code, message="the images could not be stored"), trace_of(error))
        except Exception as error:  # noqa: BLE001 - nobody else would answer the job's owner
            self._fail(drawing, JobError(code="internal_error", message=type(error).__name__), trace_of(error))
        finally:
            with self._changed:
                self._images_in_flight -= 1
                self._changed.notify_all()

    def _stored(self, drawing: _Drawing, row: Row, stored: Stored) -> None:
        self._metrics.image_stored(
            drawing.job.model,
            width=stored.image.width,
            height=stored.image.height,
            encode_seconds=stored.encode_seconds,
            upload_seconds=stored.upload_seconds,
        )
        with self._changed:
            drawing.images[row.index] = stored.image
            drawing.encode_seconds += stored.encode_seconds
            drawing.upload_seconds += stored.upload_seconds
            complete = len(drawing.images) == drawing.job.message.request.num_images
        if complete:
            self._end(drawing, drawing.outcome(), "")

    def _fail(self, drawing: _Drawing, error: JobError, trace: str) -> None:
        drawing.job.dropped = drawing.job.dropped or "failed"
        self._end(drawing, drawing.outcome(error), trace)

    def _end(self, drawing: _Drawing, outcome: Outcome, trace: str) -> None:
        """Hand over the ending, unless another thread was first or the job was forgotten."""
        with self._changed:
            if self._drawings.get(drawing.job.id) is not drawing:
                return
            del self._drawings[drawing.job.id]
            self._changed.notify_all()
        self._commit(Ending(drawing.job, outcome, drawing.generation_seconds / drawing.batch_size, trace))
