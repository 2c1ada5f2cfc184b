"""A gateway whose clock is wrong, really so: its process runs under libfaketime."""

from pathlib import Path

import httpx
import pytest

from tests.processes import GatewayProcess, free_port

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@pytest.mark.parametrize(("clock", "direction"), [("+20m", "behind"), ("-20m", "ahead of")])
def test_a_wrong_clock_is_reported_and_costs_no_job(clock, direction, settings, start_worker, tmp_path):
    """The gateway is not ready and says why; leases, order and waiting go by Redis' clock, so a job is drawn once."""
    if FAKETIME is None:
        pytest.skip("faketime is not installed (sh tests/install_system_packages.sh)")
    start_worker(environment={"TEST_SECONDS": "2.5"})  # more than two leases
    settings = settings.model_copy(update={"port": free_port()})
    turned = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": clock, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    gateway = GatewayProcess(settings, tmp_path / "gateway.log", turned)
    try:
        gateway.until_ready()
        readiness = httpx.get(f"{gateway.url}/readyz")
        body, wait = {"prompt": "a red fox", "model": "card"}, {"prefer": "wait=30"}
        job = httpx.post(f"{gateway.url}/v1/jobs", json=body, headers=wait, timeout=40).json()
    finally:
        gateway.process.terminate()
        gateway.process.wait()
    assert readiness.status_code == 503
    assert f"s {direction} this machine's" in readiness.json()["clock"]["detail"]
    assert (job["status"], job["attempts"]) == ("succeeded", 1)
