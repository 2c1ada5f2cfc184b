"""Keeps true what RQ and the gateways are told of a worker: what it serves, has loaded, and what that can do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker, worker_registration

from app.announcements import announce
from app.job_records import PRIORITIES, queue_name
from app.messages import WorkerAnnouncement
from workers.served_models import ServedModels


def queue_names(models: Iterable[str]) -> list[str]:
    """Name the queues of these models."""
    return [queue_name(model, priority) for priority in PRIORITIES for model in models]


class Announcer:
    """Speaks for one worker that is registered with RQ."""

    def __init__(
        self, worker: SimpleWorker, models: ServedModels, *, lease_seconds: float, metrics_port: int | None
    ) -> None:
        self._worker = worker
        self._models = models
        self._lease_milliseconds = int(lease_seconds * 1000)
        self._metrics_port = metrics_port
        self._told_version = 0

    def tell_changes(self) -> None:
        """Say what is served and loaded now, if that is not what was said last; an outage puts it off."""
        version, worker = self._models.version, self._worker
        if version == self._told_version or not self._models:
            return
        with contextlib.suppress(RedisError), worker.connection.pipeline() as pipe:
            worker_registration.unregister(worker, pipe)
            worker.queues = [
                Queue(name, connection=worker.connection, serializer=worker.serializer)
                for name in queue_names(self._models)
            ]
            pipe.hset(worker.key, "queues", ",".join(worker.queue_names()))
            self._register(pipe)
            self._told_version = version

    def register_again(self) -> None:
        """Come back after the lease ran out while this process was stopped or cut off.

        Raises:
            redis.exceptions.RedisError: it may have happened or not.
        """
        with self._worker.connection.pipeline() as pipe:
            pipe.hset(self._worker.key, mapping=self._worker.serialize())
            self._register(pipe)

    def _register(self, pipe: redis.client.Pipeline) -> None:
        worker_registration.register(self._worker, pipe)
        announce(pipe, self._announcement(), self._models.profiles())
        pipe.pexpire(self._worker.key, self._lease_milliseconds)
        pipe.execute()

    def _announcement(self) -> WorkerAnnouncement:
        """Describe the worker; device and number format are the first model's, the rest is in the details."""
        descriptions = self._models.descriptions()
        first = next(iter(descriptions.values()), {})
        return WorkerAnnouncement(
            worker=self._worker.name,
            models=tuple(self._models),
            load_seconds=self._models.load_seconds(),
            device=first.get("device", ""),
            dtype=first.get("dtype", ""),
            metrics_port=self._metrics_port,
            details=descriptions,
        )
