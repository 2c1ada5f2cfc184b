"""Fetches the input pictures of claimed jobs from storage, for the generator's rows."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image as PillowImage

from app.storage import ObjectStore
from models.interface import GenerationRequest, InputImage
from workers.claimed_job import ClaimedJob

_THREADS = 4


def fetch_input(store: ObjectStore, request: GenerationRequest) -> InputImage | None:
    """Fetch what a request begins with; None where it begins with words alone.

    Raises:
        ObjectNotFound: it is no longer there.
        StorageUnavailable: the store does not answer.
    """
    if request.image is None:
        return None
    mask = None if request.mask is None else _pixels(store, request.mask, "L") > 0
    return InputImage(_pixels(store, request.image, "RGB"), mask)


class InputFetcher:
    """Fetches the pictures of several jobs at once."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(_THREADS, "fetch")

    def fetch(self, jobs: Sequence[ClaimedJob], fail: Callable[[ClaimedJob, Exception], None]) -> list[ClaimedJob]:
        """Give each job its picture and return those that have all they need; `fail` ends the others."""
        with_picture = [job for job in jobs if job.message.request.image is not None]
        for job, error in zip(with_picture, self._pool.map(self._fetch, with_picture), strict=True):
            if error is not None:
                fail(job, error)
        return [job for job in jobs if job.dropped is None]

    def _fetch(self, job: ClaimedJob) -> Exception | None:
        try:
            job.source = fetch_input(self._store, job.message.request)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this job and no other
            return error
        return None


def _pixels(store: ObjectStore, key: str, mode: str) -> np.ndarray:
    with PillowImage.open(io.BytesIO(store.get(key)), formats=("PNG",)) as picture:
        return np.asarray(picture.convert(mode))
