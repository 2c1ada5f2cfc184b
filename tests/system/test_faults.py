"""No job is lost and none is drawn twice, whatever happens; the long form is `python -m tests.system.faults`."""

import signal

import pytest

from tests.system.faults.run import run_faults
from tests.system.faults.service import Plan

NUM_JOBS = 120


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("fault", "every_seconds"), [("kill", 1), ("term", 1), ("stop", 1), ("redis", 2)])
async def test_every_accepted_job_ends_once(fault, every_seconds):
    """Each accepted job succeeds with one visible result whose object exists, and nothing stays behind."""
    ledger = await run_faults(
        [fault], num_jobs=NUM_JOBS, seed=4, jobs_per_second=30, strike_every_seconds=every_seconds
    )
    assert ledger.strikes
    assert len(ledger.accepted) == NUM_JOBS
    assert ledger.holds, ledger
    assert ledger.longest_refusal_seconds < 3
    if fault == "term":
        assert ledger.attempts == {1: NUM_JOBS}
        assert set(ledger.exit_codes) == {0}


@pytest.mark.timeout(180)
async def test_a_rolling_restart_fails_no_request():
    """Each gateway and each worker gets SIGTERM in turn under load; nobody is refused, nothing is drawn twice."""
    plan = Plan(num_gateways=2)
    ledger = await run_faults(
        ["roll", "term"], num_jobs=120, seed=4, jobs_per_second=20, strike_every_seconds=0.5, plan=plan
    )
    assert ledger.strikes["roll"]
    assert ledger.strikes["term"]
    assert ledger.holds, ledger
    assert (ledger.refusals, ledger.attempts) == ({}, {1: 120})
    assert set(ledger.exit_codes) <= {0, -signal.SIGTERM}  # uvicorn ends by the signal itself, when all are answered


@pytest.mark.timeout(180)
async def test_clients_of_two_gateways_are_told_the_truth():
    """Gateways are killed, connections reset and answers lost; each key still means one job, and the counters agree."""
    kinds = ["gateway", "cut", "lost_claim", "lost_commit", "lost_submission"]
    plan = Plan(num_gateways=2)
    ledger = await run_faults(kinds, num_jobs=200, seed=4, jobs_per_second=25, strike_every_seconds=0.5, plan=plan)
    assert ledger.strikes
    assert ledger.holds, ledger
    assert ledger.longest_refusal_seconds < 3
