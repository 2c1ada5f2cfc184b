"""Estimates when a job will start and end, from what lies before it and how fast such images were drawn lately.

Pure: a snapshot of the line goes in, seconds come out. Jobs are drawn in the order of the line by all workers
together, so the wait is the work ahead divided by the workers, plus what remains of the batch in hand.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.messages import Progress
from models.interface import GenerationRequest

LONGEST_RETRY_AFTER_SECONDS = 120  # the official OpenAI client gives up when told to wait longer
_P90 = 1.28  # standard deviations of a normal distribution
_DRIFT = 0.25  # of the work ahead: who comes later may go first, and speeds change
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What waits for a model in the order of its turn, as (kind, images), and who draws it."""

    waiting: Sequence[tuple[str, int]] = ()
    num_waiting: int = 0  # `waiting` may hold only the first of them
    workers: int = 0
    busy_workers: int = 0
    admits: bool = False  # whether images join a running batch
    paces: Mapping[str, Pace] = field(default_factory=dict)
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

    def seconds_ahead(self, position: int) -> float:
        """Return the work, in a worker's seconds, of the first `position` jobs; unmeasured kinds count as the mean."""
        known = self.waiting[:position]
        if not known:
            return 0.0
        paces = [(self.pace(kind), images) for kind, images in known]
        seconds = sum(pace.seconds_per_image * images for pace, images in paces if pace)
        return seconds * position / len(known)

    @property
    def seconds_waiting(self) -> float:
        """The work of all that waits."""
        return self.seconds_ahead(self.num_waiting)


def kind_of(request: GenerationRequest) -> str:
    """Name what an image's time depends on: its size, and its steps if it has any."""
    steps = "" if request.num_inference_steps is None else f"/{request.num_inference_steps}"
    return f"{request.width}x{request.height}{steps}"


def kind_cost(kind: str) -> float:
    """Weigh an image of a kind: pixels times steps."""
    size, _, steps = kind.partition("/")
    width, height = size.split("x")
    return float(int(width) * int(height) * int(steps or 1))


def of_waiting(line: Line, position: int, kind: str, images: int) -> Estimate | None:
    """Estimate for a job with `position` others before it; None while nobody draws, or such speeds are unknown."""
    pace = line.pace(kind)
    if pace is None or not line.workers:
        return None
    start = _start(line, position, pace)
    drawing = pace.seconds_to_draw + (images - 1) * pace.seconds_per_image
    finish = Span.rounded(start.p50 + drawing, start.p90 + drawing * (1 + _DRIFT * _P90))
    return Estimate(start, finish)


def of_running(
    line: Line, kind: str, images: int, *, running_seconds: float, progress: Progress | None
) -> Estimate | None:
    """Estimate for a job that runs: by its own speed so far, or by that of others before its first step."""
    pace = line.pace(kind)
    if progress and progress.step:
        drawing = running_seconds * progress.num_steps / progress.step
    elif pace:
        drawing = pace.seconds_to_draw + (images - 1) * pace.seconds_per_image
    else:
        return None
    left = max(drawing - running_seconds, 0.0) + _LATENCY_SECONDS
    return Estimate(None, Span.rounded(left, left + _P90 * _DRIFT * drawing))


def retry_after(line: Line) -> int | None:
    """Return the seconds after which somebody who found the line full should come back; None if nobody can tell."""
    if not line.workers or not line.paces:
        return None
    return whole_seconds(_SHARE_OF_LINE * line.seconds_waiting / line.workers)


def whole_seconds(seconds: float) -> int:
    """Round up to what may stand in Retry-After."""
    return max(1, min(LONGEST_RETRY_AFTER_SECONDS, math.ceil(seconds)))


def _start(line: Line, position: int, pace: Pace) -> Span:
    share = (position + 1) / (line.num_waiting + 1)
    ahead = line.seconds_ahead(position) + min(share, 1.0) * line.others_seconds
    if not ahead and line.busy_workers < line.workers:
        return Span(_LATENCY_SECONDS, 4 * _LATENCY_SECONDS)
    # A batch starts as a whole: a job waits for the one in hand, and for those before its own, which half of what is
    # ahead in the last of them will share with it.
    grain = pace.seconds_per_image if line.admits else pace.seconds_to_draw
    kinds = len({kind for kind, _ in itertools.islice(line.waiting, position)}) or 1
    p50 = _LATENCY_SECONDS + grain / (line.workers + 1) + max(0.0, ahead - grain / 2) / line.workers
    deviation = math.hypot(_DRIFT * ahead / line.workers, grain * (1 + kinds) / 2 / line.workers)
    return Span.rounded(p50, p50 + _P90 * deviation)
