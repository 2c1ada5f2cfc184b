"""Takes images from the generator to storage, and their jobs to an outcome, beside the next batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from app.errors import ModerationBlocked, ModerationUnavailable, ObjectNotFound, StorageUnavailable
from app.messages import JobError, Outcome, StoredImage, Timings
from app.moderation import Moderator, check_image
from models.interface import Image, Row
from workers.claimed_job import ClaimedJob
from workers.claims import Ending
from workers.failures import job_error, trace_of
from workers.metrics import WorkerMetrics
from workers.spool import Spool, spool_name
from workers.storing import EncodingFailed, describe, encode
from workers.uploading import Upload, Uploads

_THREADS = 4
_LOOK_AGAIN_SECONDS = 0.2
_HEAD_START_SECONDS = 0.01  # for the next batch, which the accelerator waits for and our threads would slow down


@dataclass(eq=False)
class _Drawing:
    """A job from the start of its batch to its ending."""

    job: ClaimedJob
    batch_size: int
    is_batch_full: bool
    model_revision: str
    started_at: float = field(default_factory=time.monotonic)
    generation_seconds: float = 0.0
    encode_seconds: float = 0.0
    upload_seconds: float = 0.0
    images: dict[int, StoredImage] = field(default_factory=dict)
    encoded: set[int] = field(default_factory=set)
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
    """Encodes images in a few threads, sends them to storage and hands each job's ending to `commit`, once."""

    def __init__(
        self,
        uploads: Uploads,
        spool: Spool | None,
        commit: Callable[[Ending], None],
        metrics: WorkerMetrics,
        moderators: Sequence[Moderator] = (),
    ) -> None:
        self.moderators = moderators
        self._uploads = uploads
        self._spool = spool
        self._commit = commit
        self._metrics = metrics
        self._drawings: dict[str, _Drawing] = {}  # by job id, until the ending is handed over
        self._images_in_flight = 0
        self._times_gone_on = 0
        self._changed = threading.Condition()
        self._pool = ThreadPoolExecutor(_THREADS, "encode")

    def begin(self, job: ClaimedJob, *, batch_size: int, model_revision: str, is_batch_full: bool = False) -> None:
        """Expect images of a job; after a full one, when more jobs are likely to wait, the next batch goes first."""
        with self._changed:
            self._drawings[job.id] = _Drawing(job, batch_size, is_batch_full, model_revision)

    def warn(self, job: ClaimedJob, message: str) -> None:
        """Add a note for the job's owner."""
        if drawing := self._drawings.get(job.id):
            drawing.warnings.append(message)

    def store(self, job: ClaimedJob, row: Row, image: Image) -> None:
        """Encode and upload an image; the last one of a job ends it."""
        if drawing := self._drawings.get(job.id):
            drawing.generation_seconds = time.monotonic() - drawing.started_at
            self._submit(drawing, row, lambda: self._encoded(drawing, row, image))

    def restore(self, job: ClaimedJob, row: Row) -> bool:
        """Upload an image that an earlier attempt has left in the spool; False if it must be drawn."""
        drawing = self._drawings.get(job.id)
        if drawing is None or self._spool is None:
            return False
        data = self._spool.get(spool_name(job.message, row, drawing.model_revision))
        if data is None:
            return False
        self._metrics.image_restored(job.model)
        self._submit(drawing, row, lambda: data, is_spooled=True)
        return True

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
        self._uploads.drop(job)

    def go_on(self) -> None:
        """Hold back no longer what was just drawn: the next batch has begun, or there is none."""
        with self._changed:
            self._times_gone_on += 1
            self._changed.notify_all()

    def is_behind(self, images: int) -> bool:
        """Whether more images than that are in memory, on their way to storage or to the spool."""
        return self._images_in_flight + self._uploads.in_memory > images

    def wait_for_room(self, room: int, stopped: Callable[[], bool]) -> None:
        """Block until at most `room` images are in memory, so that slow storage or a full spool slows drawing down."""
        with self._changed:
            while self.is_behind(room) and not stopped():
                self._changed.wait(_LOOK_AGAIN_SECONDS)

    def close(self, *, give_up: Callable[[], bool]) -> None:
        """Wait until all drawings have ended, or until it is time to give up, and stop the threads."""
        with self._changed:
            while self._drawings and not give_up():
                self._changed.wait(_LOOK_AGAIN_SECONDS)
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._uploads.close()

    def _submit(self, drawing: _Drawing, row: Row, encoded: Callable[[], bytes], *, is_spooled: bool = False) -> None:
        with self._changed:
            self._images_in_flight += 1
            before, keeps_up = self._times_gone_on, self._images_in_flight <= drawing.batch_size
            start_at = time.monotonic() + (_HEAD_START_SECONDS if drawing.is_batch_full and keeps_up else 0.0)

        def store() -> None:
            with self._changed:
                self._changed.wait_for(lambda: self._times_gone_on > before, start_at - time.monotonic())
            self._store_one(drawing, row, encoded, is_spooled)

        self._pool.submit(store)

    def _store_one(self, drawing: _Drawing, row: Row, encoded: Callable[[], bytes], is_spooled: bool) -> None:
        try:
            self._uploads.put(self._upload(drawing, row, encoded(), is_spooled))
        except EncodingFailed as error:
            self._fail(
                drawing, JobError(code="encoding_failed", message="the image cannot be encoded"), trace_of(error)
            )
        except (ModerationBlocked, ModerationUnavailable) as error:
            self._fail(drawing, JobError(code=error.code, message=error.detail), trace_of(error))
        except Exception as error:  # noqa: BLE001 - nobody else would answer the job's owner
            self._fail(drawing, JobError(code="internal_error", message=type(error).__name__), trace_of(error))
        finally:
            with self._changed:
                self._images_in_flight -= 1
                self._changed.notify_all()

    def _encoded(self, drawing: _Drawing, row: Row, image: Image) -> bytes:
        check_image(self.moderators, drawing.job.message, image)
        started = time.monotonic()
        data = encode(drawing.job.message, row, image, model_revision=drawing.model_revision)
        seconds = time.monotonic() - started
        self._metrics.image_encoded(drawing.job.model, seconds)
        with self._changed:
            drawing.encode_seconds += seconds
        return data

    def _upload(self, drawing: _Drawing, row: Row, data: bytes, is_spooled: bool) -> Upload:
        message, started = drawing.job.message, time.monotonic()
        image = describe(message, row, data)
        with self._changed:
            drawing.encoded.add(row.index)
            drawing.job.is_drawn = len(drawing.encoded) == message.request.num_images
        return Upload(
            drawing.job,
            image,
            spool_name(message, row, drawing.model_revision),
            data,
            on_stored=lambda: self._stored(drawing, row, image, time.monotonic() - started),
            on_failed=lambda error: self._fail(drawing, _storage_error(error), trace_of(error)),
            is_spooled=is_spooled,
        )

    def _stored(self, drawing: _Drawing, row: Row, image: StoredImage, upload_seconds: float) -> None:
        self._metrics.image_stored(
            drawing.job.model, width=image.width, height=image.height, upload_seconds=upload_seconds
        )
        with self._changed:
            drawing.images[row.index] = image
            drawing.upload_seconds += upload_seconds
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


def _storage_error(error: Exception) -> JobError:
    if isinstance(error, StorageUnavailable | ObjectNotFound):
        return JobError(code="storage_unavailable", message="the images could not be stored")
    return JobError(code="internal_error", message=type(error).__name__)
