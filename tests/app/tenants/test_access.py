"""Where a gateway may listen without keys."""

import datetime as dt
import subprocess
import sys

import pytest

from app.tenants.access import UnguardedError, check_access, is_loopback
from app.tenants.key_store import KeyStore
from app.tenants.tenant import NO_LIMITS

EVERYWHERE = "0.0.0.0"  # noqa: S104 - this is what is refused


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True)]
    + [(host, False) for host in (EVERYWHERE, "::", "", "10.0.0.1", "easel.example", "localhost.example")],
)
def test_loopback(host, loopback):
    """Only addresses that no other machine reaches."""
    assert is_loopback(host) == loopback


@pytest.mark.parametrize("changes", [{}, {"access": "open"}, {"access": "keys"}])
async def test_an_address_of_the_network_needs_a_decision(settings, changes):
    """Without a key, the gateway wants to be told whether it is open or closed."""
    settings = settings.model_copy(update={"host": EVERYWHERE} | changes)
    if changes:
        await check_access(settings)
        return
    with pytest.raises(UnguardedError, match="easel keys create"):
        await check_access(settings)


async def test_a_key_is_a_decision(settings, async_client):
    """Once a key was made, the gateway asks everybody for one."""
    await KeyStore(async_client).create("acme", NO_LIMITS, now=dt.datetime.now(dt.UTC))
    await check_access(settings.model_copy(update={"host": EVERYWHERE}))


async def test_an_absent_redis_stops_no_gateway(settings):
    """It starts, and lets nobody in until Redis is there."""
    away = {"host": EVERYWHERE, "redis_url": "redis://127.0.0.1:1/0", "redis_timeout_seconds": 0.3}
    await check_access(settings.model_copy(update=away))


def test_the_command_says_how_to_mend_it(settings):
    """`easel gateway` on all addresses, without keys, is one line on stderr."""
    command = [sys.executable, "-m", "app", "gateway", "--host", EVERYWHERE, "--port", "0"]
    environment = {"EASEL_REDIS_URL": settings.redis_url, "PATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: other machines can reach 0.0.0.0, and there is no API key yet.")
    assert "EASEL_ACCESS=keys" in done.stderr
