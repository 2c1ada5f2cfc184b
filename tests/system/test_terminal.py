"""Ctrl-C on a real terminal, with `make` between the person and the service."""

import contextlib
import os
import pty
import shutil
import signal
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


ON_HANGUP = """
import os, signal, sys, time
from app.terminal import reload_on_hangup
reload_on_hangup(lambda: os.write(int(sys.argv[1]), b"reloaded"))
os.write(int(sys.argv[1]), b"listening")
time.sleep(60)
"""


@pytest.fixture(params=[(), ("nohup",)], ids=["plain", "nohup"])
def in_terminal(request):
    """A process in a terminal of its own that tells through a pipe when it would reload; and the terminal."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    command = [*request.param, sys.executable, "-c", ON_HANGUP, str(writer)]
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may themselves run under nohup
        os.chdir(ROOT)
        os.execvp(command[0], command)  # noqa: S606
    os.close(writer)
    assert os.read(reader, 100) == b"listening"
    yield pid, terminal, reader, bool(request.param)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    os.close(reader)


def test_a_hangup_reloads_unless_the_terminal_has_gone(in_terminal):
    """Whoever closes the window ends the service, as ever, unless it was started by nohup; `kill -HUP` never does."""
    pid, terminal, reader, outlives = in_terminal
    os.kill(pid, signal.SIGHUP)
    assert os.read(reader, 100) == b"reloaded"
    os.close(terminal)
    assert os.read(reader, 100) == (b"reloaded" if outlives else b"")
