"""Draws batches in the process that holds the models, inside RQ's own life cycle.

RQ's loop, registration, commands and signals stay. Replaced are how jobs are taken (`collecting`), kept
(`leases`) and ended (`finishing`, `committing`), so that several jobs share one run of a generator and each
of them survives the death of this process.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import redis
import structlog
from redis.client import PubSub
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.command import parse_payload
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty
from rq.utils import now
from rq.worker import WorkerStatus

from app.moderation import image_moderators
from app.redis_connections import REDIS_DOWN
from app.settings import Settings
from app.storage import ObjectStore
from workers.announcing import Announcer, queue_names
from workers.batching import BatchCaps
from workers.claimed_job import ClaimedJob
from workers.claims import Claims
from workers.collecting import WORK_CHANNEL, BatchCollector
from workers.committing import Committer
from workers.company import Company
from workers.failures import trace_of
from workers.finishing import Finishing
from workers.inputs import InputFetcher
from workers.leases import Lease
from workers.metrics import WorkerMetrics
from workers.paces import PaceMeter
from workers.reloading import CatalogReload
from workers.rq_endings import end_with_rq
from workers.running import BatchRunner
from workers.served_models import ServedModels
from workers.spool import open_spool
from workers.uploading import Uploads

log = structlog.get_logger()

_REGISTRATION_SECONDS = 60  # until the first renewal of the lease
_RECONNECT_SECONDS = 0.5
_SPOOL_MARGIN_SECONDS = 3600.0  # for jobs that a dead worker has left: in this time they are queued and drawn again


class BatchWorker(SimpleWorker):
    """One process, its loaded generators, and the batch in hand."""

    death_penalty_class = TimerDeathPenalty  # for RQ's callbacks, which run beside the main thread

    def __init__(
        self,
        settings: Settings,
        client: redis.Redis,
        models: ServedModels,
        store: ObjectStore,
        metrics: WorkerMetrics,
        *,
        reload: CatalogReload | None = None,
        metrics_port: int | None = None,
    ) -> None:
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"  # never the same again
        super().__init__(
            queue_names(models),
            name=name,
            connection=client,
            serializer=JSONSerializer,
            worker_ttl=_REGISTRATION_SECONDS,
        )
        self.exit_code = 0
        self._settings = settings
        self._models = models
        self._metrics = metrics
        self._reload = reload or CatalogReload(settings)
        self._announcer = Announcer(self, models, lease_seconds=settings.lease_seconds, metrics_port=metrics_port)
        self._batch: Sequence[ClaimedJob] = ()
        self._drawing = False
        self._assemble(store)

    def _assemble(self, store: ObjectStore) -> None:
        settings, metrics = self._settings, self._metrics
        caps, paces = BatchCaps(), PaceMeter()
        self._claims = Claims(self.connection, self.name, settings.job_retention_seconds)
        self._lease = Lease(
            self._claims, self._models, settings.lease_seconds, self._announcer.register_again, metrics, paces
        )
        self._committer = Committer(
            self._claims, metrics, end_with_rq=partial(end_with_rq, self), on_end=self._lease.let_go
        )
        self._collector = BatchCollector(
            self._claims,
            self._lease,
            caps,
            self._models,
            Company(settings.max_wait_seconds),
            self._committer.add,
            metrics,
        )
        self._spool = open_spool(settings)
        uploads = Uploads(store, self._spool, settings.storage_patience_seconds, metrics)
        self._finishing = Finishing(uploads, self._spool, self._committer.add, metrics, image_moderators(settings))
        self._runner = BatchRunner(
            self._models,
            self._announcer.tell_changes,
            self._claims,
            self._lease,
            self._collector,
            self._finishing,
            InputFetcher(store),
            caps,
            settings.job_timeout_seconds,
            self._stopping,
            metrics,
            paces,
        )

    # RQ's life cycle

    def bootstrap(self, *args: Any, **kwargs: Any) -> None:
        """Register, and keep the registration alive from here on."""
        super().bootstrap(*args, **kwargs)
        self._announcer.tell_changes()
        self._lease.start()
        self._committer.start()
        log.info("worker_ready", worker=self.name, models=list(self._models))

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> Any:
        """Return something for RQ's loop to pass on to `execute_job` once a batch is in hand, or None to end."""
        del max_idle_time
        self._keep_up()
        if self._stopping():
            return None
        most_images = max(self._models.max_batch_size(model) for model in self._models)
        self._finishing.wait_for_room(most_images, self._stopping)
        self._batch = self._collector.next_batch(
            block=timeout is not None, stopped=self._stopping, on_idle=self._be_idle
        )
        if not self._batch or self._stopping():
            return None  # whatever was claimed goes back in `teardown`
        self._state = WorkerStatus.BUSY  # the claim has written it
        return self._batch, None

    def execute_job(self, job: Any, queue: Any) -> None:
        """Draw the batch in hand."""
        del job, queue
        if any(job.deaths for job in self._batch):
            self._lease.wait_until_alone(self._batch, self._stopping)
        self._drawing = True
        try:
            self._runner.run(self._batch)
        except Exception as error:  # noqa: BLE001 - a new process is the remedy for a lost device and for our own bugs
            log.critical("worker_broken", error=type(error).__name__, trace=trace_of(error))
            self.exit_code = 1
            self._stop_requested = True
        finally:
            self._drawing = False

    def teardown(self) -> None:
        """Finish what is drawn, give the rest back, sign off."""
        self._finishing.close(give_up=lambda: time.monotonic() > self._lease.stops_at)
        self._committer.close()
        self._lease.close()
        for job in self._lease.jobs:
            self._metrics.job_retried(job.model, "drained")
        with contextlib.suppress(RedisError):  # then the lease runs out
            given_back = self._claims.release_all()
            super().teardown()  # type: ignore[no-untyped-call]
            log.info("worker_stopped", worker=self.name, given_back=given_back)

    def _set_connection(self, connection: redis.Redis) -> redis.Redis:
        return connection  # RQ would raise its time-out to a minute; nothing of ours blocks in Redis

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Do nothing: the lease thread does it."""

    def check_for_suspension(self, burst: bool) -> None:
        """Do nothing: a claim finds nothing while RQ is suspended."""

    def run_maintenance_tasks(self) -> None:
        """Clean RQ's registries, which an outage puts off, and the spool."""
        if self._spool is not None:
            self._spool.sweep(self._settings.storage_patience_seconds + _SPOOL_MARGIN_SECONDS)
        with contextlib.suppress(RedisError):
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]

    # Signals and commands

    def request_stop(self, signum: int, frame: Any) -> None:
        """Finish the batch in hand within the limit and take no other; never raises, unlike RQ's own."""
        del signum, frame
        self._shutdown_requested_date = now()
        signal.signal(signal.SIGINT, self.request_force_stop)
        signal.signal(signal.SIGTERM, self.request_force_stop)
        self._stop_requested = True
        self._lease.stops_at = time.monotonic() + self._settings.drain_seconds
        self._collector.ring()

    def request_force_stop(self, signum: int, frame: Any) -> None:
        """Give everything back now. A second signal within a second is the same Ctrl-C, delivered twice."""
        del signum, frame
        if self._shutdown_requested_date and (now() - self._shutdown_requested_date).total_seconds() < 1:
            return
        self._lease.stops_at = 0.0
        if self._drawing:
            raise SystemExit(0)

    def subscribe(self) -> None:
        """Listen for RQ's commands and for work, in one thread."""
        self.pubsub = self.connection.pubsub()
        self.pubsub.subscribe(**{self.pubsub_channel_name: self.handle_payload, WORK_CHANNEL: self._hear_of_work})
        self.pubsub_thread = self.pubsub.run_in_thread(  # type: ignore[assignment]  # RQ declares it as None
            sleep_time=60, daemon=True, exception_handler=self._pubsub_exception_handler
        )

    def handle_payload(self, message: Any) -> None:
        """Obey `stop-job` for one job of a batch; leave the other commands to RQ."""
        payload = parse_payload(message)
        if payload["command"] in {"stop-job", "stop-execution"}:  # a job has one execution at a time
            self._lease.stop_job(payload["job_id"])
        elif payload["command"] != "kill-horse":  # there is none
            super().handle_payload(message)  # type: ignore[no-untyped-call]

    def _pubsub_exception_handler(self, exc: Exception, pubsub: PubSub, pubsub_thread: Any) -> None:
        del pubsub, pubsub_thread
        if not isinstance(exc, REDIS_DOWN):
            raise exc
        time.sleep(_RECONNECT_SECONDS)
        self._collector.ring()  # word of work may have been missed

    def _hear_of_work(self, message: Any) -> None:
        if message["data"].decode() in self.queue_names():
            self._collector.hear_of_job()

    def _stopping(self) -> bool:
        return self._stop_requested

    def _be_idle(self) -> None:
        self._finishing.go_on()
        self._keep_up()
        if self.get_state() != WorkerStatus.IDLE:
            self.set_state(WorkerStatus.IDLE)
        if self.should_run_maintenance_tasks:
            self.run_maintenance_tasks()

    def _keep_up(self) -> None:
        """Serve what the catalogue lists, if it is to be read again, and say so."""
        self._reload.if_asked(self._models)
        self._announcer.tell_changes()
        if not self._models:
            log.critical("nothing_served", worker=self.name)
            self.exit_code = 1
            self._stop_requested = True
