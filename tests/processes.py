"""Redis and workers as real processes, for tests and benchmarks."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import redis
from pydantic import SecretStr

from app.embedded_redis import find_executable
from app.settings import Settings

ROOT = Path(__file__).parent.parent


class RedisServer:
    """A redis-server process with an append-only file, which a test may kill and start again."""

    def __init__(self, folder: Path, *options: str, executable: str | None = None) -> None:
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._command = [
            *(executable or find_executable(), "--port", "0", "--unixsocket", str(self.socket), "--dir", str(folder)),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", "", *options),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.answers)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self.socket.unlink(missing_ok=True)

    def answers(self) -> bool:
        """Whether it takes commands."""
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def wait_until(condition, seconds=10.0):
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {condition}")
        time.sleep(0.005)


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_certificate(address: str, key: Path, certificate: Path) -> None:
    """Make a key and a certificate for an IP address, signed by itself; both may go into one file."""
    command = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN={address} -addext subjectAltName=IP:{address}"
    )
    subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the variables that make these settings, as far as they differ from the defaults."""
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    plain = {name: v.get_secret_value() if isinstance(v, SecretStr) else v for name, v in given.items()}
    return {f"EASEL_{name.upper()}": str(value) for name, value in plain.items()}


class GatewayProcess:
    """A gateway in a process of its own, at an address that survives it."""

    def __init__(self, settings: Settings, log: Path, environment: Mapping[str, str]) -> None:
        self.port = settings.port
        self.url = f"http://127.0.0.1:{settings.port}"
        with log.open("a") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", "gateway"],
                cwd=ROOT,
                env=os.environ | {"EASEL_LOG_FORMAT": "json"} | environment_of(settings) | environment,
                stdout=file,
                stderr=file,
            )

    def until_ready(self) -> None:
        """Wait until it answers."""
        wait_until(self.answers, 90)

    def answers(self) -> bool:
        """Whether it takes requests."""
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/healthz").is_success
        return False


class WorkerProcess:
    """A worker in a process of its own, drawing with `tests/fakes.py`."""

    def __init__(self, settings: Settings, log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        with log.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("fakes.py"))],
                env=os.environ
                | {"PYTHONPATH": str(ROOT), "EASEL_LOG_FORMAT": "json", "PYTHONFAULTHANDLER": "1"}
                | environment_of(settings)
                | environment,
                stderr=file,
            )

    def until_ready(self) -> None:
        """Wait until it takes jobs."""
        wait_until(lambda: "worker_ready" in self.log.read_text(), 90)

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # with PYTHONFAULTHANDLER the log shows where it hangs
            self.process.wait()
            raise AssertionError(self.log.read_text()[-8000:]) from None
