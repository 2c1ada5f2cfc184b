"""Tells the gateways which models this worker has loaded and what they can do."""

from __future__ import annotations

from collections.abc import Mapping

import redis
from redis.client import Pipeline

from app.announcements import ModelProfile, announce
from app.messages import WorkerAnnouncement
from models.interface import ImageGenerator


def announce_generators(
    client: redis.Redis | Pipeline, worker: str, generators: Mapping[str, ImageGenerator], metrics_port: int | None
) -> None:
    """Announce a registered worker; device and number format are the first model's, the rest is in the details."""
    descriptions = {model: generator.description for model, generator in generators.items()}
    first = next(iter(descriptions.values()))
    announcement = WorkerAnnouncement(
        worker=worker,
        models=tuple(generators),
        device=first.get("device", ""),
        dtype=first.get("dtype", ""),
        metrics_port=metrics_port,
        details=descriptions,
    )
    profiles = {
        model: ModelProfile(generator.capabilities, generator.revision) for model, generator in generators.items()
    }
    announce(client, announcement, profiles)
