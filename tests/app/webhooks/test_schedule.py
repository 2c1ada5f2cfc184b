"""What an answer means, and when the next attempt is made."""

import datetime as dt
import random

import pytest

from app.webhooks.schedule import GAPS_SECONDS, Verdict, pause_before_next, verdict_of

NOW = dt.datetime(2026, 11, 25, 12, 0, 0, tzinfo=dt.UTC)
FAILED = Verdict("failed")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "delivered"),
        (204, "delivered"),
        (299, "delivered"),
        (301, "failed"),
        (302, "failed"),
        (307, "failed"),
        (400, "failed"),
        (404, "failed"),
        (410, "refused"),
        (429, "failed"),
        (500, "failed"),
        (503, "failed"),
    ],
)
def test_what_a_status_means(status, outcome):
    """Only 2xx is success; only 410 is for ever, and for the whole endpoint."""
    verdict = verdict_of(status, "", NOW)
    assert (verdict.outcome, verdict.endpoint_is_gone) == (outcome, status == 410)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("90", 90),
        ("Wed, 25 Nov 2026 12:01:30 GMT", 90),
        ("Wed, 25 Nov 2026 11:00:00 GMT", 0),
        ("soon", 0),
        ("", 0),
        ("-5", 0),
        ("²", 0),
        ("9" * 400, 999_999_999),
    ],
)
def test_retry_after(header, seconds):
    """It may be seconds or a date; nonsense asks for nothing."""
    assert verdict_of(429, header, NOW).retry_after_seconds == seconds


def test_gaps_grow_over_hours():
    """Ten attempts in about sixteen hours, each a little off the beat."""
    rnd = random.Random(1)
    pauses = [pause_before_next(attempts, FAILED, rnd) for attempts in range(1, 11)]
    assert pauses[-1] is None
    assert all(0.8 * gap <= pause <= 1.2 * gap for gap, pause in zip(GAPS_SECONDS, pauses, strict=False))
    assert pauses[:-1] == sorted(pauses[:-1])
    assert 15 < sum(GAPS_SECONDS) / 3600 < 16


def test_retry_after_is_respected_within_reason():
    """Who asks for a longer pause gets it, but not for ever."""
    rnd = random.Random(1)
    assert pause_before_next(1, Verdict("failed", retry_after_seconds=600), rnd) == 600
    assert pause_before_next(1, Verdict("failed", retry_after_seconds=10**9), rnd) == GAPS_SECONDS[-1]
    assert pause_before_next(1, Verdict("delivered"), rnd) is None
