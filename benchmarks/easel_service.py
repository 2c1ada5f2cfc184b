"""Starts a whole Easel of its own for a benchmark, by default with test cards that take no time, and stops it again."""

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
max_batch_size = 8
"""
READY = re.compile(r"Easel is ready at (\S+)")


@contextlib.contextmanager
def running_service(*, models: str = CATALOG, **settings: str) -> Iterator[str]:
    """Run `easel run` in an empty folder with this list of models and these `EASEL_*` settings.

    Gives its address once it can draw.
    """
    with tempfile.TemporaryDirectory(prefix="easel-benchmark-") as folder:
        path = Path(folder, "models.toml")
        path.write_text(models, encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("EASEL_")}
        environment |= {f"EASEL_{name.upper()}": value for name, value in settings.items()}
        command = [sys.executable, "-m", "app", "run", "--port", "0", "--data-dir", folder, "--models", str(path)]
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
