"""Keeps Ctrl-C for this process alone, so that a `make` which started it ends as it does: with 0 after a clean stop."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def keyboard_signals_for_us_alone() -> Iterator[None]:
    """Become the terminal's foreground process group while the block runs.

    Nothing changes without a terminal, in the background, or where this process leads its group already, as when a
    shell started it. Ctrl-Z is ignored meanwhile: whoever waits for us would not hear of it.
    """
    terminal = sys.stdin.fileno() if sys.stdin.isatty() else None
    if terminal is None or os.getpgrp() == os.getpid() or os.tcgetpgrp(terminal) != os.getpgrp():
        yield
        return
    theirs = os.getpgrp()
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # or the next line would stop us
    os.tcsetpgrp(terminal, os.getpgrp())
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        yield
    finally:
        os.tcsetpgrp(terminal, theirs)
