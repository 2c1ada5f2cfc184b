"""The thread that keeps a worker alive in Redis: what it publishes, what it learns, and when it ends the process."""

import signal
import subprocess
import sys
import threading
import time

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from app.metrics import new_registry
from tests.processes import ROOT, wait_until
from tests.workers.parts import claimed_job
from workers.leases import Lease
from workers.metrics import WorkerMetrics
from workers.paces import PaceMeter

LEASE_SECONDS = 0.6


class ClaimsRecord:
    """Answers as Redis would, as long as it is not `down`."""

    def __init__(self):
        self.down = False
        self.alive = True
        self.mine = True
        self.renewals = []
        self.reaped_at = []

    def renew(self, seconds, jobs):  # noqa: ARG002 - time passes by itself
        if self.down:
            raise RedisConnectionError
        self.renewals.append([job.take_news() for job in jobs])
        return self.alive, [self.mine for _ in jobs]

    def spare(self, jobs):
        for job in jobs:
            job.is_spared = True

    def reap(self, models):  # noqa: ARG002 - nobody has died
        self.reaped_at.append(time.monotonic())
        return []


class Kept:
    """A running lease and what it talks to."""

    def __init__(self):
        self.claims = ClaimsRecord()
        self.registered_again = 0
        self.paces = PaceMeter()
        metrics = WorkerMetrics(new_registry())
        self.lease = Lease(self.claims, ["card"], LEASE_SECONDS, self._register_again, metrics, self.paces)

    def _register_again(self):
        self.registered_again += 1
        self.claims.alive = True


@pytest.fixture
def kept():
    """A lease that was just taken."""
    kept = Kept()
    kept.lease.start()
    yield kept
    kept.lease.close()


def test_progress_is_published_soon_and_once(kept):
    """News of a job in hand goes out with the next tick; without news there is nothing to tell."""
    job = claimed_job(num_images=2)
    kept.lease.hold([job])
    for image in (0, 1):
        job.report(image, 3, 20)
    wait_until(lambda: ["3/20"] in kept.claims.renewals)
    wait_until(lambda: kept.claims.renewals[-1] == [""])


def test_a_job_is_as_far_as_its_slowest_image():
    """An image that has not begun holds its job's progress at zero."""
    job = claimed_job(num_images=2)
    job.report(0, 5, 20)
    assert job.take_news() == "0/20"


def test_a_job_that_is_no_longer_ours_is_dropped(kept):
    """What another worker has now is not drawn to the end."""
    job = claimed_job()
    kept.claims.mine = False
    kept.lease.hold([job])
    wait_until(lambda: job.dropped == "lost")


def test_a_stopped_job_is_dropped_and_others_are_not(kept):
    """A cancellation names one job of a batch."""
    stopped, other = claimed_job("stopped"), claimed_job("other")
    kept.lease.hold([stopped, other])
    kept.lease.stop_job("stopped")
    assert (stopped.dropped, other.dropped) == ("stopped", None)


def test_a_lost_lease_is_taken_again(kept):
    """A worker that was forgotten registers anew and goes on."""
    kept.claims.alive = False
    wait_until(lambda: kept.registered_again == 1)


def test_nobody_is_reaped_right_after_an_outage(kept):
    """When Redis comes back the living get a lease's time to renew theirs."""
    wait_until(lambda: kept.claims.reaped_at)
    kept.claims.down = True
    time.sleep(LEASE_SECONDS)
    back_at = time.monotonic()
    kept.claims.down = False
    count = len(kept.claims.reaped_at)
    wait_until(lambda: len(kept.claims.reaped_at) > count)
    assert kept.claims.reaped_at[-1] - back_at > LEASE_SECONDS / 3


def test_a_suspect_runs_beside_jobs_that_only_wait_for_storage(kept):
    """Who may kill the process waits for those who would be blamed, and not for those whom Redis knows to be drawn."""
    suspect, other = claimed_job("suspect"), claimed_job("other")
    kept.lease.hold([suspect, other])
    waiting = threading.Thread(target=kept.lease.wait_until_alone, args=([suspect], lambda: False))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    other.is_drawn = True
    waiting.join(5)
    assert not waiting.is_alive()


@pytest.mark.parametrize(("limit", "signal_number"), [("hangs_at", signal.SIGKILL), ("stops_at", signal.SIGTERM)])
def test_time_limits_end_the_process(limit, signal_number):
    """A generator that hangs is ended by a signal that nobody can ignore; a drain that takes too long, by a second."""
    code = (
        "import time; from tests.workers.test_leases import Kept; kept = Kept(); "
        f"kept.lease.{limit} = time.monotonic(); kept.lease.start(); time.sleep(60)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=60)
    assert done.returncode == -signal_number
