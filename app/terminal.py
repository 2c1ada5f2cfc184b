"""What a terminal's signals mean here.

Ctrl-C is for this process alone, so that a `make` which started it ends as it does: with 0 after a clean stop. SIGHUP
asks to read the list of models again, unless it says that the terminal has gone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType


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


def reload_on_hangup(reload: Callable[[], object]) -> None:
    """Call `reload` on SIGHUP from now on; but end, as without this, when that is our terminal being closed.

    A process that was started to ignore SIGHUP, as by `nohup`, outlives its terminal.
    """
    lives_in_terminal = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and _has_terminal()

    def hear(signum: int, frame: FrameType | None) -> None:
        del frame
        if lives_in_terminal and not _has_terminal():
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)
        reload()

    signal.signal(signal.SIGHUP, hear)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
