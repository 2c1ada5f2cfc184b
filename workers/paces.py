"""Measures how fast images are drawn, for estimates: busy time is shared out among the images that it has brought."""

from __future__ import annotations

import math
import queue
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from app.estimates import kind_cost, kind_of
from models.interface import Row

_BETWEEN_BATCHES_SECONDS = 0.2  # a longer pause is for want of work, a shorter one part of it


@dataclass(frozen=True, slots=True)
class PaceSample:
    """What drawing some images of one kind has taken; names as in `learn.lua`."""

    model: str
    kind: str
    images: int
    seconds_per_image: float
    seconds_to_draw: float


class PaceMeter:
    """Told by the generator's thread what goes on; asked by the lease's thread what was learned."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._since = 0.0  # when the time began that is to be shared out next
        self._ended = -math.inf
        self._started: dict[tuple[str, int], float] = {}
        self._done: list[tuple[str, str, float]] = []  # model, kind, and the image's own seconds
        self._samples: queue.SimpleQueue[PaceSample] = queue.SimpleQueue()

    def started(self, rows: Sequence[Row]) -> None:
        """Take note that rows are in the generator's hands, perhaps beside others."""
        now = self._clock()
        if not self._started:
            self._since = self._ended if now - self._ended < _BETWEEN_BATCHES_SECONDS else now
        self._share_out(now)
        self._started |= dict.fromkeys(((row.job_id, row.index) for row in rows), now)

    def done(self, model: str, row: Row) -> None:
        """Take note of a finished image."""
        if started := self._started.pop((row.job_id, row.index), None):
            self._done.append((model, kind_of(row.request), self._clock() - started))

    def ended(self) -> None:
        """Take note that the generator has nothing in its hands any more."""
        self._ended = self._clock()
        self._share_out(self._ended)
        self._started.clear()

    def take(self) -> list[PaceSample]:
        """Return what was learned since this was last asked."""
        return [self._samples.get() for _ in range(self._samples.qsize())]

    def _share_out(self, now: float) -> None:
        """Give the images that are finished their shares of the busy time, by cost."""
        kinds: dict[tuple[str, str], list[float]] = defaultdict(list)
        for model, kind, own_seconds in self._done:
            kinds[model, kind].append(own_seconds)
        cost = sum(kind_cost(kind) * len(owns) for (_, kind), owns in kinds.items())
        for (model, kind), owns in kinds.items():
            share = (now - self._since) * kind_cost(kind) / cost
            own = sum(owns) / len(owns)
            self._samples.put(PaceSample(model, kind, len(owns), seconds_per_image=share, seconds_to_draw=own))
        if self._done:
            self._since = now
            self._done.clear()
