"""Starts a whole Easel of its own for a benchmark, with test cards that take no time, and stops it again."""

import contextlib
import os
import platform
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

CATALOG = """
default = "card"
[models.card]
family = "testcard"
max_batch_size = {max_batch_size}
"""
READY = re.compile(r"Easel is ready at (\S+)")


@contextlib.contextmanager
def running_service(*, max_batch_size: int = 8, **settings: str) -> Iterator[str]:
    """Run `easel run` in an empty folder with these `EASEL_*` settings, and give its address once it can draw."""
    with tempfile.TemporaryDirectory(prefix="easel-benchmark-") as folder:
        models = Path(folder, "models.toml")
        models.write_text(CATALOG.format(max_batch_size=max_batch_size), encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("EASEL_")}
        environment |= {f"EASEL_{name.upper()}": value for name, value in settings.items()}
        command = [sys.executable, "-m", "app", "run", "--port", "0", "--data-dir", folder, "--models", str(models)]
        with Path(folder, "log").open("w") as log:
            process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            yield _address(process, Path(folder, "log"))
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=90)


def describe_machine() -> str:
    """Name the processor, its cores and how busy it was, and the command that was run."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    load = os.getloadavg()[0]
    return (
        f"machine  {model}, {os.cpu_count()} cores for service and clients, load average {load:.1f} at the start\n"
        f"python   {platform.python_version()}\n"
        f"command  {shlex.join(['python', *sys.argv])}"
    )


def _address(process: subprocess.Popen[str], log: Path) -> str:
    """Read what the service prints until it says where it is."""
    for line in process.stdout or ():
        if found := READY.search(line):
            return found.group(1)
    raise SystemExit(f"the service did not start:\n{log.read_text()}")
