"""No job is lost and none is drawn twice, whatever happens to workers and Redis; the long form is `faults.py`."""

import pytest

from tests.system.faults import run_faults

NUM_JOBS = 150


@pytest.mark.timeout(180)
@pytest.mark.parametrize("fault", ["kill", "term", "stop", "redis"])
async def test_every_accepted_job_ends_once(fault):
    """Each accepted job succeeds with one visible result whose object exists, and nothing stays behind."""
    ledger = await run_faults(fault, num_jobs=NUM_JOBS, seed=4, jobs_per_second=30)
    assert ledger.strikes
    assert len(set(ledger.accepted)) == NUM_JOBS
    assert ledger.holds, ledger
    assert ledger.longest_refusal_seconds < 3
    if fault == "term":
        assert ledger.attempts == {1: NUM_JOBS}
        assert set(ledger.exit_codes) == {0}
