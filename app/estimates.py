"""Estimates when a job will start and end, from what lies before it and how fast such images were drawn lately.

Pure: a snapshot of the line goes in, seconds come out. Jobs are drawn in the order of the line by all workers
together, so the wait is the work ahead divided by the workers, plus what remains of the batch in hand.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from app.messages import Progress
from models.interface import GenerationRequest

LONGEST_RETRY_AFTER_SECONDS = 120  # the official OpenAI client gives up when told to wait longer
_P90 = 1.28  # standard deviations of a normal distribution
_DRIFT = 0.4  # of the work ahead: who comes later may go first, and speeds change
_LATENCY_SECONDS = 0.05  # of an idle service
_SHARE_OF_LINE = 0.1  # that must be gone before somebody who found it full should come back


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds from now that pass with an even chance, and with nine chances in ten, before it happens."""

    p50: float
    p90: float

    @classmethod
    def rounded(cls, p50: float, p90: float) -> Span:
        """Make one to the hundredth."""
        return cls(round(p50, 2), round(p90, 2))


@dataclass(frozen=True, slots=True)
class Estimate:
    """When a job will start, unless it runs already, and when it will have ended."""

    seconds_to_start: Span | None
    seconds_to_finish: Span


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast images of one kind are drawn: a worker's seconds that one takes up, and an image's own from its start.

    In a batch of eight that takes two seconds, an image takes up a quarter of a second and two of its own.
    """

    seconds_per_image: float
    seconds_to_draw: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job in the line; jobs of one batch key may be drawn together."""

    kind: str
    images: int
    batch_key: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """What waits for a model in the order of its turn, and who draws it how fast."""

    waiting: Sequence[Waiting] = ()
    num_waiting: int = 0  # `waiting` may hold only the first of them
    workers: int = 0
    busy_workers: int = 0
    max_batch_size: int = 1
    admits: bool = False  # whether images join a running batch
    paces: Mapping[str, Pace] = field(default_factory=dict)
    seconds_to_load: float = 0.0  # before the first job, if no worker has the model loaded
    seconds_in_hand: float = 0.0  # that a busy worker takes before it takes up others, whatever its model
    others_seconds: float = 0.0  # a worker's seconds of waiting jobs of other models that the same workers draw

    def pace(self, kind: str) -> Pace | None:
        """Return the pace of a kind: as measured, or by its cost from the kinds that were; None if there is none."""
        if known := self.paces.get(kind):
            return known
        if not self.paces:
            return None
        per_cost = [
            (pace.seconds_per_image / kind_cost(other), pace.seconds_to_draw / kind_cost(other))
            for other, pace in self.paces.items()
        ]
        scaled = (kind_cost(kind) * sum(column) / len(per_cost) for column in zip(*per_cost, strict=True))
        return Pace(*scaled)

    def seconds_of(self, batch: Sequence[Waiting]) -> float:
        """Return what a batch takes of a worker's time; half of it is taken to grow with its images."""
        known = [(pace, job.images) for job in batch if (pace := self.pace(job.kind))]
        shares = sum(pace.seconds_per_image * images for pace, images in known)
        if self.admits:
            return shares
        return (shares + max((pace.seconds_to_draw for pace, _ in known), default=0.0)) / 2

    @cached_property
    def seconds_seen(self) -> float:
        """The work of the jobs that the line shows, in a worker's seconds."""
        return sum(self.seconds_of(batch) for batch in batches(self, self.waiting))

    @property
    def seconds_waiting(self) -> float:
        """The work of all that waits, in a worker's seconds."""
        return self.seconds_seen * self.num_waiting / max(len(self.waiting), 1)


def kind_of(request: GenerationRequest) -> str:
    """Name what an image's time depends on: its size, and its steps if it has any."""
    steps = "" if request.num_inference_steps is None else f"/{request.num_inference_steps}"
    return f"{request.width}x{request.height}{steps}"


def full_batch_key(model: str, batch_key: str) -> str:
    """Name what jobs must agree in to share a batch, their model included."""
    return f"{model} {batch_key}"


def kind_cost(kind: str) -> float:
    """Weigh an image of a kind: pixels times steps."""
    size, _, steps = kind.partition("/")
    width, height = size.split("x")
    return float(int(width) * int(height) * int(steps or 1))


def of_waiting(line: Line, position: int, job: Waiting) -> Estimate | None:
    """Estimate for a job with `position` others before it; None while nobody draws, or such speeds are unknown."""
    drawing = seconds_to_draw(line, job)
    if drawing is None or not line.workers:
        return None
    start = _start(line, position, job)
    finish = Span.rounded(start.p50 + drawing, start.p90 + drawing * (1 + _DRIFT * _P90))
    return Estimate(start, finish)


def of_running(line: Line, job: Waiting, *, running_seconds: float, progress: Progress | None) -> Estimate | None:
    """Estimate for a job that runs: by its own speed so far, or by that of others before its first step."""
    drawing = seconds_to_draw(line, job)
    if progress and progress.step:
        drawing = running_seconds * progress.num_steps / progress.step
    if drawing is None:
        return None
    left = max(drawing - running_seconds, 0.0) + _LATENCY_SECONDS
    return Estimate(None, Span.rounded(left, left + _P90 * _DRIFT * drawing))


def seconds_to_draw(line: Line, job: Waiting) -> float | None:
    """Return how long a job runs; one with more images than a batch holds is drawn in several calls."""
    pace = line.pace(job.kind)
    return pace.seconds_to_draw * math.ceil(job.images / line.max_batch_size) if pace else None


def retry_after(line: Line) -> int | None:
    """Return the seconds after which somebody who found the line full should come back; None if nobody can tell."""
    if not line.workers or not line.paces:
        return None
    return whole_seconds(_SHARE_OF_LINE * line.seconds_waiting / line.workers)


def whole_seconds(seconds: float) -> int:
    """Round up to what may stand in Retry-After."""
    return max(1, min(LONGEST_RETRY_AFTER_SECONDS, math.ceil(seconds)))


def batches(line: Line, jobs: Sequence[Waiting]) -> list[list[Waiting]]:
    """Put jobs into batches as `claim.lua` does: each is filled, around whoever is next, with others of its key."""
    found: list[list[Waiting]] = []
    filling: dict[str, list[Waiting]] = {}
    room: dict[str, int] = defaultdict(int)  # for images, in the batch that a key fills
    for job in jobs:
        key = job.batch_key
        if line.admits or job.images > room[key]:
            filling[key], room[key] = [], line.max_batch_size
            found.append(filling[key])
        filling[key].append(job)
        room[key] -= job.images
    return found


def _seconds_ahead(line: Line, position: int, job: Waiting) -> float:
    """Return the work that is done before the job's own batch; what the line does not show is taken to be like it."""
    if position > len(line.waiting) > 0:
        return line.seconds_seen * position / len(line.waiting)
    found = batches(line, [*line.waiting[:position], *[job] * (position - len(line.waiting)), job])
    own = max(n for n, batch in enumerate(found) if batch[0].batch_key == job.batch_key)
    return sum(line.seconds_of(batch) for batch in found[:own])


def _start(line: Line, position: int, job: Waiting) -> Span:
    ahead = _seconds_ahead(line, position, job)
    ahead += min((position + 1) / (line.num_waiting + 1), 1.0) * line.others_seconds
    has_room = line.busy_workers < line.workers or (line.admits and not line.num_waiting)
    loading = line.seconds_to_load
    if not ahead and has_room:
        return Span.rounded(_LATENCY_SECONDS + loading, 4 * _LATENCY_SECONDS + (1 + _DRIFT * _P90) * loading)
    p50 = _LATENCY_SECONDS + loading + line.seconds_in_hand / (line.workers + 1) + ahead / line.workers
    deviation = math.hypot(_DRIFT * (ahead + loading), line.seconds_in_hand) / line.workers
    return Span.rounded(p50, p50 + _P90 * deviation)
