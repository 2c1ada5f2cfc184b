"""Decides how many images are drawn at once and how long a batch stays open; every clock is passed in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from models.interface import Row

_SUCCESSES_TO_RECOVER = 32  # full batches without running out of memory before one image more is tried

_COMPANY_SECONDS = 0.02  # how long a batch stays open while several clients are about
_ALONE_SECONDS = 0.002  # long enough for requests that were sent together to arrive together
_MEMORY_SECONDS = 0.25  # after this, whoever came is forgotten


def chunks(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    """Cut rows into batches of at most `size`."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def halves(rows: Sequence[Row]) -> tuple[Sequence[Row], Sequence[Row]]:
    """Cut rows in two, the first the larger."""
    middle = (len(rows) + 1) // 2
    return rows[:middle], rows[middle:]


class BatchCaps:
    """How many images of a batch key fitted into memory: halved when they did not, recovering one by one."""

    def __init__(self) -> None:
        self._caps: dict[str, int] = {}
        self._successes: dict[str, int] = {}

    @property
    def limits(self) -> dict[str, int]:
        """The limits learned, by batch key; a key that is absent has none."""
        return dict(self._caps)

    def ran_out_of_memory(self, batch_key: str, num_images: int) -> None:
        """Halve what did not fit."""
        self._caps[batch_key] = max(1, num_images // 2)
        self._successes[batch_key] = 0

    def succeeded(self, batch_key: str, num_images: int, max_images: int) -> None:
        """Count a batch that fitted; enough full ones in a row raise the limit, up to forgetting it."""
        cap = self._caps.get(batch_key)
        if cap is None or num_images < cap:
            return
        self._successes[batch_key] += 1
        if self._successes[batch_key] < _SUCCESSES_TO_RECOVER:
            return
        self._successes[batch_key] = 0
        self._caps[batch_key] = cap + 1
        if cap + 1 >= max_images:
            del self._caps[batch_key]


class MaxWait:
    """How long a job may wait for company: a fixed time, or, when `auto`, as long as company is likely to come.

    Company is likely while jobs arrive that overlap with others. A client alone, who sends the next job when the
    last one has ended, never waits in vain, and a busy spell is forgotten at once.
    """

    def __init__(self, setting: float | Literal["auto"]) -> None:
        self._setting = setting
        self._overlapped_at = float("-inf")

    def arrived(self, now: float, *, others: bool) -> None:
        """Take note that a job came, while `others` were waiting or being drawn or none was."""
        if others:
            self._overlapped_at = now

    def seconds(self, now: float) -> float:
        """Return the time that a job may wait, counted from its arrival."""
        if self._setting != "auto":
            return self._setting
        return _COMPANY_SECONDS if now - self._overlapped_at < _MEMORY_SECONDS else _ALONE_SECONDS
