"""Ctrl-C on a real terminal, with `make` between the person and the service."""

import os
import pty
import shutil
import sys
import tempfile
import time
from pathlib import Path

import pytest

CTRL_C = b"\x03"
ROOT = Path(__file__).parent.parent.parent
CARD = '[models.card]\nfamily = "testcard"\n'


def read_until(terminal, text, seconds=60):
    """Read what the terminal shows until `text` is there."""
    shown, end = b"", time.monotonic() + seconds
    while text not in shown:
        assert time.monotonic() < end, shown.decode()
        shown += os.read(terminal, 4096)
    return shown


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_ends_well_after_ctrl_c():
    """The service alone hears Ctrl-C; it stops in order, and make ends with 0."""
    with tempfile.TemporaryDirectory(prefix="easel-") as folder:
        models, makefile = Path(folder, "models.toml"), Path(folder, "Makefile")
        models.write_text('default = "card"\n' + CARD)
        command = f"{sys.executable} -m app run --port 0 --data-dir {folder}/data --models {models}"
        makefile.write_text(f"run:\n\t@cd {ROOT} && {command}\n")
        pid, terminal = pty.fork()
        if pid == 0:
            os.execlp("make", "make", "-f", str(makefile))  # noqa: S606
        read_until(terminal, b"Ctrl-C")
        os.write(terminal, CTRL_C)
        read_until(terminal, b"stopped")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        os.close(terminal)
