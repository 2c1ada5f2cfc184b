"""Two ways in: through gateways, as clients come, or straight into the queue, with tenants and priorities."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from typing import Protocol

import httpx

from app.errors import QueueUnavailable
from app.job_records import PRIORITIES
from app.jobs import JobQueue
from app.messages import JobMessage, JobRecord
from app.storage import ObjectStore
from models.interface import GenerationRequest

SIDES = (64, 72, 80)  # pixels; each makes a batch key of its own
NUM_TENANTS = 5
_ANSWER_SECONDS = 10


class Refused(Exception):
    """The job was not accepted, as far as the client knows; the message says why in a word."""


class Door(Protocol):
    """Where jobs are handed in and images fetched."""

    async def submit(self, number: int, key: str) -> str:
        """Hand in a job and return its id.

        Raises:
            Refused: try again with the same key.
        """
        ...

    async def images(self, job: JobRecord) -> Sequence[bytes]:
        """Fetch the job's images as a client does."""
        ...


class QueueDoor:
    """Straight into the queue."""

    def __init__(self, queue: JobQueue, store: ObjectStore, rnd: random.Random) -> None:
        self._queue = queue
        self._store = store
        self._rnd = rnd

    async def submit(self, number: int, key: str) -> str:
        """See `Door`."""
        request = GenerationRequest(prompt=f"fox {number}", width=8, height=8, seed=number)
        message = JobMessage(model="card", request=request, tenant=f"tenant-{number % NUM_TENANTS}")
        batch_key, priority = self._rnd.choice("abc"), self._rnd.choice(PRIORITIES)
        try:
            job = await self._queue.submit(
                message, batch_key=batch_key, cost=1.0, idempotency_key=key, priority=priority
            )
        except QueueUnavailable as error:
            raise Refused(error.code) from error
        return job.id

    async def images(self, job: JobRecord) -> Sequence[bytes]:
        """See `Door`."""
        return [self._store.get(image.key) for image in job.outcome.images] if job.outcome else []


class GatewayDoor:
    """Through one gateway after the other."""

    def __init__(self, http: httpx.AsyncClient, addresses: Callable[[], Sequence[str]]) -> None:
        self._http = http
        self._addresses = addresses
        self._turn = itertools.count()

    async def submit(self, number: int, key: str) -> str:
        """See `Door`."""
        body = {"prompt": f"fox {number}", "size": f"{SIDES[number % len(SIDES)]}x64", "seed": number}
        try:
            url = f"{self._next_address()}/v1/jobs"
            answer = await self._http.post(url, json=body, headers={"Idempotency-Key": key}, timeout=_ANSWER_SECONDS)
        except httpx.TransportError as error:
            raise Refused("no_answer") from error
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            assert 0 < int(answer.headers["Retry-After"]) <= 120
            raise Refused(answer.json()["code"])
        assert answer.is_success, answer.text
        job_id: str = answer.json()["id"]
        return job_id

    async def images(self, job: JobRecord) -> Sequence[bytes]:
        """See `Door`."""
        answer = await self._http.get(f"{self._next_address()}/v1/jobs/{job.id}", timeout=_ANSWER_SECONDS)
        pages = [await self._http.get(image["url"]) for image in answer.raise_for_status().json()["images"]]
        return [page.raise_for_status().content for page in pages]

    def _next_address(self) -> str:
        addresses = self._addresses()
        if not addresses:
            raise httpx.ConnectError("no gateway is up")
        return addresses[next(self._turn) % len(addresses)]
