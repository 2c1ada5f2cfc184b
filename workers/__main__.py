"""`python -m workers`: run one worker process from the settings until a signal stops it."""

from __future__ import annotations

import os
import sys

from app.logs import configure_logs
from app.metrics import new_registry
from app.redis_connections import check, sync_redis
from app.settings import Settings
from app.storage import open_store
from workers.loading import load_generators
from workers.metrics import WorkerMetrics
from workers.worker import BatchWorker


def main() -> int:
    """Load the models, register, draw batches; return the exit code, 0 after a drain."""
    settings = Settings()
    configure_logs(settings)
    client = sync_redis(settings)
    check(client)
    metrics = WorkerMetrics(new_registry())
    port = settings.worker_metrics_port
    bound_port = metrics.serve(settings.host, port) if port is not None else None
    generators = load_generators(settings, metrics)
    worker = BatchWorker(settings, client, generators, open_store(settings), metrics, metrics_port=bound_port)
    worker.work(logging_level="WARNING")
    return worker.exit_code


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # an upload that storage does not take must not hold up the end
