"""The worker's side of the queue: take batches, keep them, give them back, commit their outcomes.

Each call is one script in Redis (`app/queue_scripts`), so a worker may die between any two of them.
"""

from __future__ import annotations

import base64
import json
import uuid
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal

import redis
from rq.defaults import RQ_KEY_PREFIX
from rq.results import Result

from app.job_records import read_message, timestamp
from app.messages import JobError, Outcome
from app.queue_scripts import ScriptName, script
from workers.claimed_job import ClaimedJob
from workers.paces import PaceSample

MAX_DEATHS = 3
_WINDOW = 128  # jobs looked at in each queue: several batches of several kinds
_OURS_AND_LOOKED_AT = 2
_NONE: Mapping[str, float] = MappingProxyType({})
_STARVE_AFTER_SECONDS = 60.0  # after this a job goes before every priority

CommitAnswer = Literal["committed", "canceled", "lost", "rq"]


class LeaseLost(Exception):
    """Redis has forgotten this worker; it must register again before it claims."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended here, ready to be committed."""

    job: ClaimedJob
    outcome: Outcome
    working_seconds: float = 0.0
    trace: str = ""  # for operators, in RQ's result


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch, or none and how long until one that is filling must start (None: nothing waits).

    `refused` are jobs that were taken with the batch but cannot or must not be drawn: their endings only need to
    be committed.
    """

    jobs: tuple[ClaimedJob, ...] = ()
    refused: tuple[Ending, ...] = ()
    ready_in_seconds: float | None = None


class Claims:
    """The jobs of one worker, as Redis keeps them."""

    def __init__(self, client: redis.Redis, worker: str, retention_seconds: int) -> None:
        self._client = client
        self._worker = worker
        self._retention_seconds = retention_seconds
        self._scripts: dict[ScriptName, Any] = {}

    def claim(
        self,
        max_images: Mapping[str, int],
        *,
        max_wait_seconds: float,
        max_cost: Mapping[str, float] = _NONE,
        later_seconds: Mapping[str, float] = _NONE,
        caps: Mapping[str, int] | None = None,
        now: float | None = None,
    ) -> Claim:
        """Take the next batch: its jobs are started, for this worker.

        Args:
            max_images: The models that this worker serves, and how many images each draws at once.
            max_wait_seconds: How long a job may wait for company.
            max_cost: What the jobs of one batch may cost together, for some models; one job alone may cost more.
            later_seconds: How much later than they came the jobs of some models count as come.
            caps: Lower limits for some batch keys.
            now: Redis's clock by default; tests bring their own.

        Raises:
            LeaseLost: the worker is not registered any more.
            redis.exceptions.RedisError: it may have happened or not; `renew` gives back what it does not know of.
        """
        models = _as_asked(max_images, max_cost, later_seconds)
        return self._ask(models, max_wait=max_wait_seconds, caps=caps or {}, now=now)

    def admit(
        self,
        max_images: Mapping[str, int],
        *,
        batch_key: str,
        room: int,
        later_seconds: Mapping[str, float] = _NONE,
    ) -> Claim:
        """Take jobs that may join a running batch, but only if the next in turn is one of them.

        Raises:
            LeaseLost, redis.exceptions.RedisError: as `claim`.
        """
        models = _as_asked(max_images, {}, later_seconds)
        return self._ask(models, max_wait=0.0, caps={}, admit={"batch_key": batch_key, "room": room})

    def renew(self, lease_seconds: float, jobs: Sequence[ClaimedJob]) -> tuple[bool, list[bool]]:
        """Renew the lease, publish progress and previews, and learn whose previews are wanted.

        Returns whether the lease still ran, and which jobs are still ours.
        """
        news = [part for job in jobs for part in _news(job)]
        alive, answers = self._run("renew", self._worker, int(lease_seconds * 1000), timestamp(), *news)
        for job, answer in zip(jobs, answers, strict=True):
            job.previews.wanted = answer == _OURS_AND_LOOKED_AT
        return bool(alive), [answer > 0 for answer in answers]

    def learn(self, samples: Sequence[PaceSample]) -> None:
        """Add to what is known of how fast images are drawn."""
        self._run("learn", json.dumps([asdict(sample) for sample in samples]))

    def spare(self, jobs: Sequence[ClaimedJob]) -> None:
        """Have it known that these are drawn: should this worker die, it is not counted against them."""
        if jobs:
            self._run("spare", *(part for job in jobs for part in (job.execution, job.queue)))
        for job in jobs:
            job.is_spared = True

    def release(self, jobs: Sequence[ClaimedJob], *, suspect: bool = False) -> int:
        """Give jobs back; `suspect` ones run alone next time, others as if nothing had happened."""
        if not jobs:
            return 0
        return int(self._run("release", self._worker, int(suspect), *(job.execution for job in jobs)))

    def release_all(self) -> int:
        """Give back whatever Redis says this worker has."""
        return int(self._run("release", self._worker, 0))

    def reap(self, models: Iterable[str]) -> list[tuple[str, str]]:
        """Queue again what dead workers were running and return the id and model of each such job."""
        return [(job_id.decode(), model.decode()) for job_id, model in self._run("reap", *models)]

    def cancel(self, job: ClaimedJob) -> bool:
        """Record that a job in hand was stopped; False if that is on record already."""
        return bool(self._run("cancel", job.id, timestamp(), job.keep_seconds) == b"started")

    def commit(self, endings: Sequence[Ending]) -> list[CommitAnswer]:
        """Write outcomes, each once; "canceled" and "lost" ones are dropped, "rq" ones are left to RQ."""
        ended_at = timestamp()
        answers = self._run("commit", self._worker, *(self._as_json(ending, ended_at) for ending in endings))
        return [answer.decode() for answer in answers]

    def _ask(self, models: Sequence[Mapping[str, Any]], **question: Any) -> Claim:
        ask = {
            "worker": self._worker,
            "started_at": timestamp(),
            "models": models,
            "starve_after": _STARVE_AFTER_SECONDS,
            "window": _WINDOW,
            "executions": uuid.uuid4().hex,
        } | {name: value for name, value in question.items() if value is not None}
        match self._run("claim", json.dumps(ask)):
            case [b"batch", *started]:
                taken = [self._started(*one) for one in started]
                jobs = tuple(one for one in taken if isinstance(one, ClaimedJob))
                return Claim(jobs, tuple(one for one in taken if isinstance(one, Ending)), 0.0)
            case [b"wait", seconds]:
                return Claim(ready_in_seconds=float(seconds))
            case [b"unregistered"]:
                raise LeaseLost
        return Claim()

    def _started(
        self, job_id: bytes, execution_id: bytes, queue: bytes, waited: bytes, flat: list[bytes]
    ) -> ClaimedJob | Ending:
        """Read a job just started, or refuse it."""
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        deaths = int(fields.get(b"deaths") or 0)
        known: dict[str, Any] = {
            "id": job_id.decode(),
            "execution": f"{job_id.decode()}:{execution_id.decode()}",
            "queue": queue.decode(),
            "model": queue.decode().partition(":")[0],
            "deaths": deaths,
            "waited_seconds": float(waited),
            "batch_key": fields.get(b"batch_key", b"").decode(),
            "keep_seconds": int(fields.get(b"result_ttl") or self._retention_seconds),
        }
        try:
            job = ClaimedJob(message=read_message(fields[b"data"]), **known)
        except ValueError as error:
            job = ClaimedJob(message=None, **known)  # type: ignore[arg-type]  # nothing reads it on the way out
            return _refusal(job, "invalid_job", f"not a job for this worker: {error}")
        if deaths >= MAX_DEATHS:
            return _refusal(job, "quarantined", f"{deaths} workers died while drawing this job; it is not tried again")
        return job

    def _as_json(self, ending: Ending, ended_at: str) -> str:
        job, failed = ending.job, ending.outcome.error is not None
        outcome = ending.outcome.model_dump_json()
        result: dict[str, Any] = {
            "type": (Result.Type.FAILED if failed else Result.Type.SUCCESSFUL).value,
            "worker_name": self._worker,
            "execution_id": job.execution.partition(":")[2],
        }
        if failed:
            result["exc_string"] = base64.b64encode(zlib.compress(ending.trace.encode())).decode()
        else:
            result["return_value"] = base64.b64encode(outcome.encode()).decode()
        return json.dumps(
            {
                "execution": job.execution,
                "queue": job.queue,
                "status": "failed" if failed else "finished",
                "ended_at": ended_at,
                "outcome": outcome,
                "result": [str(part) for pair in result.items() for part in pair],
                "keep_seconds": job.keep_seconds,
                "working_seconds": ending.working_seconds,
            }
        )

    def _run(self, name: ScriptName, *args: Any) -> Any:
        if name not in self._scripts:
            self._scripts[name] = self._client.register_script(script(name))
        return self._scripts[name](args=[RQ_KEY_PREFIX, *args])


def _as_asked(
    max_images: Mapping[str, int], max_cost: Mapping[str, float], later_seconds: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Write the models as `claim.lua` reads them; it knows what an absent bound means."""
    return [
        {"name": model, "max_images": most, "later": later_seconds.get(model, 0.0)}
        | ({"max_cost": max_cost[model]} if model in max_cost else {})
        for model, most in max_images.items()
    ]


def _news(job: ClaimedJob) -> list[Any]:
    previews = job.previews.take()
    pictures = [(one.index, one.number, one.encode(job.message, model_revision=job.model_revision)) for one in previews]
    return [job.execution, job.queue, job.take_news(), len(pictures), *(part for one in pictures for part in one)]


def _refusal(job: ClaimedJob, code: str, text: str) -> Ending:
    return Ending(job, Outcome(error=JobError(code=code, message=text)), trace=text)
