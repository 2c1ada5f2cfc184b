"""What workers say of themselves: who is alive and serves which models, and what each model can do.

A worker's announcement is a field of RQ's hash for that worker, so it expires with the worker's lease. What a model
can do is kept for good: requests are checked against it, and queue, while every worker is away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import redis
import redis.asyncio
from pydantic import TypeAdapter
from redis.client import Pipeline
from rq.defaults import RQ_KEY_PREFIX
from rq.utils import as_text

from app.messages import WorkerAnnouncement
from models.interface import Capabilities

ANNOUNCEMENT_FIELD = "announcement"
_MODELS_KEY = "easel:models"
_WORKERS_KEY = f"{RQ_KEY_PREFIX}:workers"


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """What a model can do, and in which revision; kept after the last worker is gone."""

    capabilities: Capabilities
    revision: str


@dataclass(frozen=True, slots=True)
class ModelState:
    """A model as the workers have announced it."""

    capabilities: Capabilities
    revision: str
    announcements: tuple[WorkerAnnouncement, ...] = field(default=())
    loading_seconds: tuple[float, ...] = ()  # of the workers that serve it but have not loaded it now

    @property
    def workers(self) -> int:
        """How many live workers serve the model."""
        return len(self.announcements)

    @property
    def ready(self) -> bool:
        """Whether a live worker serves the model."""
        return self.workers > 0

    @property
    def loaded_by(self) -> int:
        """How many of them have it in memory now."""
        return len(self.announcements) - len(self.loading_seconds)

    @property
    def seconds_to_load(self) -> float:
        """How long its next job waits for the model to be loaded."""
        return 0.0 if self.loaded_by else min(self.loading_seconds, default=0.0)


_PROFILE = TypeAdapter(ModelProfile)


def announce(
    client: redis.Redis | Pipeline, announcement: WorkerAnnouncement, profiles: Mapping[str, ModelProfile]
) -> None:
    """Say, as a registered RQ worker, which models are served; call again when RQ's hash had to be made anew."""
    said = announcement.model_dump_json(exclude_defaults=True)  # gateways that are older do not know every field
    client.hset(f"{RQ_KEY_PREFIX}:worker:{announcement.worker}", ANNOUNCEMENT_FIELD, said)
    client.hset(_MODELS_KEY, mapping={model: _PROFILE.dump_json(profile) for model, profile in profiles.items()})


async def live_workers(client: redis.asyncio.Redis) -> list[WorkerAnnouncement]:
    """Return what every live worker announced.

    Raises:
        redis.exceptions.RedisError: Redis does not answer.
    """
    names = sorted(as_text(key) for key in await client.smembers(_WORKERS_KEY))
    async with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hmget(name, ANNOUNCEMENT_FIELD, "death")
        answers = await pipe.execute()
    return [WorkerAnnouncement.model_validate_json(said) for said, death in answers if said and not death]


async def model_states(client: redis.asyncio.Redis) -> dict[str, ModelState]:
    """Return every model that was ever announced, with its live workers.

    Raises:
        redis.exceptions.RedisError: Redis does not answer.
    """
    workers = await live_workers(client)
    profiles = {
        as_text(name): _PROFILE.validate_json(text) for name, text in (await client.hgetall(_MODELS_KEY)).items()
    }
    return {model: _state(model, profile, workers) for model, profile in profiles.items()}


def _state(model: str, profile: ModelProfile, workers: Sequence[WorkerAnnouncement]) -> ModelState:
    serving = tuple(worker for worker in workers if model in worker.models)
    loading = tuple(worker.load_seconds[model] for worker in serving if model in worker.load_seconds)
    return ModelState(profile.capabilities, profile.revision, serving, loading)
