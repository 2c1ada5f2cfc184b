"""Tells the gateways which models this worker serves, which of them it has loaded, and what they can do."""

from __future__ import annotations

import redis
from redis.client import Pipeline

from app.announcements import announce
from app.messages import WorkerAnnouncement
from workers.served_models import ServedModels


def announce_models(
    client: redis.Redis | Pipeline, worker: str, models: ServedModels, metrics_port: int | None
) -> None:
    """Announce a registered worker; device and number format are the first model's, the rest is in the details."""
    descriptions = models.descriptions()
    first = next(iter(descriptions.values()), {})
    announcement = WorkerAnnouncement(
        worker=worker,
        models=tuple(models),
        load_seconds=models.load_seconds(),
        device=first.get("device", ""),
        dtype=first.get("dtype", ""),
        metrics_port=metrics_port,
        details=descriptions,
    )
    announce(client, announcement, models.profiles())
