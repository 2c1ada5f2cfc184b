"""How far this machine's clock may be from those of Redis and S3, and how to say so."""

from __future__ import annotations

import time
from dataclasses import dataclass

LARGEST_SKEW_SECONDS = 30.0
"""Beyond this, links expire early or late; S3 itself refuses signatures after 15 minutes."""


@dataclass(frozen=True, slots=True)
class Skew:
    """Another clock, so many seconds ahead of ours; behind it when negative."""

    whose: str
    ahead_seconds: float

    @property
    def is_small(self) -> bool:
        """Tell whether the two clocks agree well enough."""
        return abs(self.ahead_seconds) <= LARGEST_SKEW_SECONDS

    def __str__(self) -> str:
        direction = "ahead of" if self.ahead_seconds > 0 else "behind"
        return f"the clock of {self.whose} is {abs(self.ahead_seconds):.1f} s {direction} this machine's"


def skew_of_redis(server_time: tuple[int, int], now: float | None = None) -> Skew:
    """Compare Redis' answer to TIME, seconds and microseconds, with our clock."""
    seconds, microseconds = server_time
    return Skew("Redis", seconds + microseconds / 1e6 - (time.time() if now is None else now))
