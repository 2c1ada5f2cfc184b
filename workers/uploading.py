"""Brings encoded images to storage, and keeps them while it is away: on disk as far as they fit, else in memory."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from app.errors import ObjectNotFound, StorageUnavailable
from app.messages import StoredImage
from app.storage import ObjectStore
from workers.claimed_job import ClaimedJob
from workers.metrics import WorkerMetrics
from workers.spool import Spool, SpoolRefuses

log = structlog.get_logger()

_THREADS = 4
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0


@dataclass(eq=False)
class Upload:
    """An encoded image on its way; `data` is None while it lies on disk only."""

    job: ClaimedJob
    image: StoredImage
    spool_name: str
    data: bytes | None
    on_stored: Callable[[], None]
    on_failed: Callable[[Exception], None]
    is_spooled: bool = False  # or may be
    give_up_at: float = 0.0  # time.monotonic()


class Uploads:
    """Puts images into the store; those that it does not take wait, and take turns in asking whether it is back."""

    def __init__(
        self, store: ObjectStore, spool: Spool | None, patience_seconds: float, metrics: WorkerMetrics
    ) -> None:
        self._store = store
        self._spool = spool
        self._patience_seconds = patience_seconds
        self._metrics = metrics
        self._waiting: dict[Upload, None] = {}  # the oldest first
        self._in_memory: set[Upload] = set()  # of these, for whom the spool had no room
        self._spooled_bytes = 0
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._store_answers = True
        self._pool = ThreadPoolExecutor(_THREADS, "upload")
        self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)
        self._thread.start()

    @property
    def in_memory(self) -> int:
        """How many images wait that are not on disk."""
        return len(self._in_memory)

    def put(self, upload: Upload) -> None:
        """Store an image now, or let it wait if the store is away; it ends in `on_stored` or `on_failed`."""
        upload.give_up_at = time.monotonic() + self._patience_seconds
        if self._store_answers and self._attempt(upload):
            self._forget(upload)  # it may come from the spool
            return
        with self._changed:
            self._waiting[upload] = None
            self._in_memory.add(upload)
            self._changed.notify_all()
        self._keep(upload)

    def drop(self, job: ClaimedJob) -> None:
        """Let go of a job's images that wait; their files stay for whoever draws it next, if it was not canceled."""
        with self._changed:
            dropped = [upload for upload in self._waiting if upload.job is job]
        for upload in dropped:
            self._forget(upload, keep_file=job.dropped != "stopped")

    def close(self) -> None:
        """Try no more; what lies on disk stays there for the next worker that takes the job."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._closed.wait(pause):
            with self._changed:
                while not self._waiting and not self._closed.is_set():
                    self._changed.wait()
                waiting = list(self._waiting)
            pause = _FIRST_PAUSE_SECONDS if self._settle(waiting) else min(2 * pause, _LONGEST_PAUSE_SECONDS)
        self._pool.shutdown(wait=False)

    def _settle(self, waiting: list[Upload]) -> bool:
        """Let the first ask whether storage is back, and if so try all; tell whether it is."""
        hopeful = [upload for upload in waiting if not self._is_hopeless(upload)]
        for upload in tuple(self._in_memory):
            self._keep(upload)
        if not hopeful or self._closed.is_set() or not self._retry(hopeful[0]):
            return False
        others = self._pool.map(lambda upload: self._store_answers and self._retry(upload), hopeful[1:])
        return all(list(others))  # when each has had its turn

    def _is_hopeless(self, upload: Upload) -> bool:
        """End an upload that nobody wants any more, or that has waited long enough."""
        if upload.job.dropped is None and time.monotonic() < upload.give_up_at:
            return False
        self._forget(upload, keep_file=upload.job.dropped == "lost")  # then it may be another worker's by now
        upload.on_failed(StorageUnavailable(f"the store did not take the image for {self._patience_seconds:g} s"))
        return True

    def _retry(self, upload: Upload) -> bool:
        self._metrics.upload_retried(upload.job.model)
        if self._attempt(upload):
            self._forget(upload)
            return True
        with self._changed:
            if self._waiting.pop(upload, upload) is None:
                self._waiting[upload] = None  # the next to ask is another: it may be this object that is refused
        return False

    def _attempt(self, upload: Upload) -> bool:
        try:
            self._send(upload)
        except StorageUnavailable as error:
            self._store_answers = False
            log.warning("upload_failed", job_id=upload.job.id, reason=error.detail)
            return False
        except Exception as error:  # noqa: BLE001 - nobody else would answer the job's owner
            upload.on_failed(error)
            return True
        self._store_answers = True
        upload.on_stored()
        return True

    def _send(self, upload: Upload) -> None:
        image, data = upload.image, upload.data
        if data is None and self._spool is not None:
            data = self._spool.get(upload.spool_name)
        if data is not None:
            self._store.put(image.key, data, image.content_type, kept_seconds=upload.job.keep_seconds)
        elif not self._is_stored(image):  # by another worker, which has taken the file
            raise ObjectNotFound("the image has gone from the spool")

    def _is_stored(self, image: StoredImage) -> bool:
        try:
            return hashlib.sha256(self._store.get(image.key)).hexdigest() == image.sha256
        except ObjectNotFound:
            return False

    def _keep(self, upload: Upload) -> None:
        """Move an image that waits from memory to disk, if there is room."""
        if self._spool is None or upload.data is None:
            return
        upload.is_spooled = True  # soon, and who forgets it meanwhile looks for the file
        try:
            self._spool.put(upload.spool_name, upload.data)
        except SpoolRefuses as refusal:
            log.warning("spool_refuses", job_id=upload.job.id, reason=str(refusal))
            return
        with self._changed:
            if upload in self._in_memory:
                self._in_memory.remove(upload)
                upload.data = None
                self._spooled_bytes += upload.image.bytes
        self._measure()

    def _forget(self, upload: Upload, *, keep_file: bool = False) -> None:
        with self._changed:
            if upload in self._waiting:
                del self._waiting[upload]
                self._spooled_bytes -= 0 if upload in self._in_memory else upload.image.bytes
                self._in_memory.discard(upload)
        if self._spool is not None and upload.is_spooled and not keep_file:
            self._spool.remove(upload.spool_name)
        self._measure()

    def _measure(self) -> None:
        with self._changed:
            num_images = len(self._waiting) - len(self._in_memory)
            self._metrics.spooled(num_images=num_images, num_bytes=self._spooled_bytes)
