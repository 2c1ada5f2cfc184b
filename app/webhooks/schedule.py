"""What an answer to a delivery means, and when the next attempt is made. Pure."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

GAPS_SECONDS = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800)  # 15.7 hours, ten attempts in all
JITTER = 0.2  # so that a receiver that comes back is not met by everybody at once
_LONGEST_GAP_SECONDS = GAPS_SECONDS[-1]

Outcome = Literal["delivered", "failed", "refused"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an attempt came to: `failed` is tried again, `refused` is not; `reason` is for people."""

    outcome: Outcome
    reason: str = ""
    retry_after_seconds: float = 0.0
    endpoint_is_gone: bool = False


def verdict_of(status: int, retry_after: str, now: dt.datetime) -> Verdict:
    """Judge a receiver's answer: only 2xx is success, redirects are not followed, 410 is final."""
    if 200 <= status < 300:
        return Verdict("delivered")
    if status == 410:
        return Verdict("refused", "status 410", endpoint_is_gone=True)
    return Verdict("failed", f"status {status}", retry_after_seconds=_seconds_of(retry_after, now))


def pause_before_next(attempts: int, verdict: Verdict, rnd: random.Random) -> float | None:
    """Return the seconds until the next attempt after so many, or None if there is none."""
    if verdict.outcome != "failed" or attempts > len(GAPS_SECONDS):
        return None
    gap = GAPS_SECONDS[attempts - 1] * rnd.uniform(1 - JITTER, 1 + JITTER)
    return max(gap, min(verdict.retry_after_seconds, _LONGEST_GAP_SECONDS))


def _seconds_of(retry_after: str, now: dt.datetime) -> float:
    """Read a Retry-After header, in seconds or as a date; what cannot be read asks for nothing."""
    if retry_after.isascii() and retry_after.isdecimal():
        return float(retry_after[:9])
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - now).total_seconds())
    except (TypeError, ValueError):  # no date, or one without a zone
        return 0.0
