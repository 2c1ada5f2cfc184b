"""`python -m app.leash PID COMMAND…`: become COMMAND, and get a SIGTERM when the parent PID dies, even by SIGKILL.

Linux alone can do this (prctl(2), PR_SET_PDEATHSIG); elsewhere the command outlives a parent that was killed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def leashed(command: list[str]) -> list[str]:
    """Return the command line that runs `command` for as long as this process lives."""
    return [sys.executable, "-m", "app.leash", str(os.getpid()), *command]


def main(parent: int, command: list[str]) -> None:
    """Replace this process; the leash outlasts that.

    Raises:
        OSError: the command cannot be run.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it was faster
        sys.exit(0)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the command has said what it does on it
    os.execvp(command[0], command)  # noqa: S606 - what the supervisor asks for


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
