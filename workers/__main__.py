"""`python -m workers`: run one worker process from the settings until a signal stops it."""

from __future__ import annotations

import os
import sys

from app.settings import Settings
from workers.loading import load_generators
from workers.process import run_worker

if __name__ == "__main__":
    code = run_worker(Settings(), load_generators)
    sys.stderr.flush()
    os._exit(code)  # an upload that storage does not take must not hold up the end
