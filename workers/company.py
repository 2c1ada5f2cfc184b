"""Decides how long a generator that is free waits for more jobs before it starts a batch that is not full.

Jobs that were sent together arrive within moments of each other. And clients that send their next job when they have
the last one's image come back within moments of a batch's end; those who are not waited for form a second batch that
takes turns with the first, and everybody waits for both. Every clock is passed in.
"""

from __future__ import annotations

from typing import Literal

_TOGETHER_SECONDS = 0.002  # between jobs that were sent together
_SOME_TOGETHER = 0.1  # of all arrivals, or nobody waits for more to come together with the first
_SHARE_OF_BATCH = 0.25  # of a batch's time, at most, is spent waiting for those who come back
_LONGEST_RETURN_SECONDS = 0.5
_MOST_COME_BACK = 0.6  # of all arrivals, or nobody is waited for; a quarter is what chance alone gives
_LEARNING_RATE = 0.3
_FORGETTING_RATE = 0.1
_PATIENCE = 2.0  # times the longest return seen lately


class Company:
    """How long to wait for company: a fixed time from a job's arrival, or, when `auto`, as arrivals have taught."""

    def __init__(self, setting: float | Literal["auto"]) -> None:
        self._setting = setting
        self._ended_at = float("-inf")  # the last batch
        self._answered = 1  # jobs of the last batch
        self._window = 0.0  # seconds after its end in which a client counts as coming back
        self._came_back = 0
        self._arrived = 0
        self._return_seconds = 0.0
        self._share = 0.0  # of arrivals that come right after a batch's end
        self._arrived_at = float("-inf")  # the last job
        self._together = 1.0  # share of arrivals that come together with the one before

    @property
    def seconds(self) -> float:
        """How long a job may wait, from its arrival."""
        if self._setting != "auto":
            return self._setting
        return _TOGETHER_SECONDS if self._together > _SOME_TOGETHER else 0.0

    def arrived(self, now: float) -> None:
        """Take note that a job was queued."""
        self._arrived += 1
        together = now - self._arrived_at <= _TOGETHER_SECONDS
        self._together += _LEARNING_RATE * (together - self._together)
        self._arrived_at = now
        after = now - self._ended_at
        if after <= self._window:
            self._came_back += 1
            self._return_seconds = max(after, (1 - _FORGETTING_RATE) * self._return_seconds)

    def batch_ended(self, now: float, *, num_jobs: int, seconds: float) -> None:
        """Learn from what has arrived since the batch before this one ended."""
        if self._arrived:
            self._share += _LEARNING_RATE * (self._came_back / self._arrived - self._share)
        self._ended_at, self._answered = now, num_jobs
        self._came_back = self._arrived = 0
        self._window = min(_SHARE_OF_BATCH * seconds, _LONGEST_RETURN_SECONDS)

    def returning_seconds(self, now: float) -> float:
        """Return how much longer those who were just answered are waited for; 0 once they are all back."""
        if self._setting != "auto" or self._share < _MOST_COME_BACK or self._came_back >= self._answered:
            return 0.0
        return max(0.0, self._ended_at + min(self._window, _PATIENCE * self._return_seconds) - now)
