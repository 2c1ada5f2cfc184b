"""`easel run` as a process, for tests of the whole service."""

import os
import re
import signal
import subprocess
import sys
import time

import psutil

START_SECONDS = 120
STOP_SECONDS = 100  # longer than a worker may drain


class RunningEasel:
    """`easel run` in a process of its own; what it prints goes to a file."""

    def __init__(self, data_dir, *options, **settings):
        data_dir.parent.mkdir(exist_ok=True, parents=True)
        self.output = data_dir.with_suffix(".log")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("EASEL_")}
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", "run", "--port", "0", "--data-dir", data_dir, *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment | {"COLUMNS": "200"} | settings,
            )
        self.children = []

    def until_printed(self, pattern):
        """Wait for a line that matches, and return the match."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            if found := re.search(pattern, self.output.read_text()):
                self.children = psutil.Process(self.process.pid).children(recursive=True)
                return found
            time.sleep(0.05)
        raise AssertionError(f"{pattern!r} was not printed:\n{self.output.read_text()}")

    def url(self):
        return self.until_printed(r"ready at (http://\S+)").group(1)

    def interrupt(self):
        """Press Ctrl-C and return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_SECONDS)
