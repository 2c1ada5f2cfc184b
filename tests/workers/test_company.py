"""How long a free generator waits for more jobs, by a clock of the test's own."""

import pytest

from benchmarks.waiting_for_company import MODELS, simulate
from workers.company import Company

BATCH_SECONDS = 0.2


class Clock:
    """A generator that draws batches of `clients` jobs, each client back `after` seconds when its job has ended."""

    def __init__(self, setting="auto"):
        self.company = Company(setting)
        self.now = 0.0

    def batch(self, *, clients, after):
        for _ in range(clients):
            self.company.arrived(self.now + after)
        self.now += BATCH_SECONDS
        self.company.batch_ended(self.now, num_jobs=clients, seconds=BATCH_SECONDS)


def test_jobs_that_are_sent_together_meet():
    """A job waits for two milliseconds, however little is known."""
    assert Company("auto").seconds == 0.002
    assert Company("auto").returning_seconds(0.0) == 0.0


def test_a_client_that_is_alone_waits_for_nobody():
    """Once most jobs of late came by themselves there is no wait, and after a few that came together there is."""
    company = Company("auto")
    for second in range(7):
        company.arrived(float(second))
    assert company.seconds == 0.0
    for number in range(2):
        company.arrived(7.0 + 0.001 * number)
    assert company.seconds == 0.002


def test_a_fixed_wait_is_kept():
    """A number in the settings is taken at its word, and nobody else is waited for."""
    clock = Clock(0.5)
    for _ in range(9):
        clock.batch(clients=4, after=0.003)
    assert (clock.company.seconds, clock.company.returning_seconds(clock.now)) == (0.5, 0.0)


def test_clients_that_come_back_are_waited_for_until_they_are_all_back():
    """Those who were answered and usually return in 3 ms are given twice that, less as they do better, then none."""
    clock = Clock()
    for _ in range(9):
        clock.batch(clients=2, after=0.003)
    assert clock.company.returning_seconds(clock.now) == pytest.approx(0.006)
    assert clock.company.returning_seconds(clock.now + 0.0061) == 0.0
    clock.company.arrived(clock.now + 0.001)
    assert clock.company.returning_seconds(clock.now + 0.001) == pytest.approx(2 * 0.9 * 0.003 - 0.001)
    clock.company.arrived(clock.now + 0.001)
    assert clock.company.returning_seconds(clock.now + 0.001) == 0.0


def test_nobody_is_waited_for_longer_than_a_quarter_of_a_batch():
    """Who takes longer to come back is no company: such arrivals could as well be chance."""
    clock = Clock()
    for _ in range(9):
        clock.batch(clients=2, after=0.04)
    assert clock.company.returning_seconds(clock.now) == pytest.approx(BATCH_SECONDS / 4)
    clock = Clock()
    for _ in range(9):
        clock.batch(clients=2, after=0.1)
    assert clock.company.returning_seconds(clock.now) == 0.0


def test_a_busy_spell_is_soon_forgotten():
    """Three batches whose clients do not come back, and nobody is waited for any more."""
    clock = Clock()
    for _ in range(9):
        clock.batch(clients=8, after=0.003)
    for _ in range(3):
        clock.batch(clients=8, after=0.15)
    assert clock.company.returning_seconds(clock.now) == 0.0


def test_clients_in_step_share_batches():
    """Without waiting for each other they form two halves that take turns, and everybody waits for both."""
    alone, together = (simulate(setting, MODELS["200 ms a batch"], clients=8) for setting in (0.0, "auto"))
    assert (round(alone[2]), round(together[2])) == (4, 8)
    assert together[0] < 0.6 * alone[0]


@pytest.mark.parametrize("load", [{"clients": 1}, {"rate": 4.0}, {"rate": 20.0}])
def test_waiting_costs_those_who_cannot_meet_next_to_nothing(load):
    """A client alone, and jobs that come by chance, take at most two hundredths longer than without any wait."""
    hasty, patient = (simulate(setting, MODELS["200 ms a batch"], **load) for setting in (0.0, "auto"))
    assert patient[0] < 1.02 * hasty[0]
