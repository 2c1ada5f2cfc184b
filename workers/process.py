"""One worker process, from its settings to its exit code."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import TypeAlias

from app.accelerators import cpu_threads
from app.logs import configure_logs
from app.metrics import new_registry
from app.redis_connections import check, sync_redis
from app.settings import Settings
from app.storage import open_store
from app.terminal import reload_on_hangup
from app.tracing import configure_tracing
from workers.metrics import WorkerMetrics
from workers.reloading import CatalogReload
from workers.served_models import ServedModels
from workers.worker import BatchWorker

ServeModels: TypeAlias = Callable[[Settings, WorkerMetrics], ServedModels]


def run_worker(settings: Settings, serve: ServeModels) -> int:
    """Load the models, register, draw batches until a signal; return the exit code, 0 after a drain.

    Raises:
        EvictingRedisError, redis.exceptions.RedisError: this Redis cannot be used.
        Exception: a model cannot be loaded.
    """
    signal.signal(signal.SIGTERM, _leave)  # while loading there is nothing to finish; RQ sets its own later
    reload = CatalogReload(settings)
    reload_on_hangup(reload.ask)
    configure_logs(settings)
    configure_tracing(settings, "worker")
    os.environ["OMP_NUM_THREADS"] = str(cpu_threads(settings))  # read when PyTorch is imported, with the first model
    client = sync_redis(settings)
    check(client)
    metrics = WorkerMetrics(new_registry())
    port = settings.worker_metrics_port
    bound_port = metrics.serve(settings.host, port) if port is not None else None
    models = serve(settings, metrics)
    worker = BatchWorker(
        settings, client, models, open_store(settings), metrics, reload=reload, metrics_port=bound_port
    )
    with contextlib.suppress(SystemExit):  # after a second signal
        worker.work(logging_level="WARNING")
    return worker.exit_code


def _leave(signum: int, frame: FrameType | None) -> None:
    del signum, frame
    sys.exit(0)
