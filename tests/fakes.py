"""An image generator whose prompts are orders, so that a test can make anything go wrong in a real worker process.

Words of the prompt: `raise`, `refuse`, `oom`, `hang`, `deaf` (hangs with signals blocked), `kill` (the process dies),
`lazy` (returns without the image), `seconds=0.5` (of the whole batch, in steps of 20 ms), `device` (it is lost).
"""

import os
import signal
import sys
import time
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.settings import Settings
from models.catalog import load_catalog
from models.catalog_entries import TestcardModel
from models.interface import Capabilities, ContentRefused
from workers.ledger import Ledger
from workers.process import run_worker
from workers.served_models import ServedModels

STEP_SECONDS = 0.02
DEFAULTS = {"batch_size": 8, "seconds": 0.0, "fits": 1000}


class OutOfMemoryError(RuntimeError):
    """Has the name of torch's own."""


class ObedientGenerator:
    """Does what prompts say; a picture's colour is its seed."""

    revision = "obedient-1"
    description = {"device": "cpu", "dtype": "uint8"}  # noqa: RUF012 - never changed

    def __init__(self, batch_size=8, seconds=0.0, fits=1000):
        self.capabilities = Capabilities(max_batch_size=int(batch_size), options={}, cancel=True)
        self.batches = []
        self._seconds = seconds
        self._fits = fits  # images in memory at once

    def generate(self, rows, feed):
        words = {word for row in rows for word in row.request.prompt.split()}
        self.batches.append([row.request.prompt for row in rows])
        log_batch(rows)
        misbehave(words)
        if len(rows) > self._fits:
            raise OutOfMemoryError
        self._take_time(rows, words, feed)
        for row in rows:
            if not feed.cancelled(row) and "lazy" not in row.request.prompt:
                feed.done(row, np.full((8, 8, 3), row.request.seed % 256, np.uint8))

    def _take_time(self, rows, words, feed):
        seconds = max([self._seconds, *(float(word[8:]) for word in words if word.startswith("seconds="))])
        steps = round(seconds / STEP_SECONDS)
        for step in range(1, steps + 1):
            if all(feed.cancelled(row) for row in rows):
                return
            time.sleep(STEP_SECONDS)
            for row in rows:
                feed.progress(row, step, steps)


class ContinuousGenerator(ObedientGenerator):
    """Takes `steps=N` steps for each row by itself, and lets new rows join between steps."""

    def __init__(self):
        super().__init__()
        self.capabilities = replace(self.capabilities, admits=True)

    def generate(self, rows, feed):
        left = {row: self._steps(row) for row in rows}
        while left:
            left |= {row: self._steps(row) for row in feed.admit(self.capabilities.max_batch_size - len(left))}
            time.sleep(STEP_SECONDS)
            left = {row: steps - 1 for row, steps in left.items() if not feed.cancelled(row)}
            for row, steps in left.items():
                feed.progress(row, self._steps(row) - steps, self._steps(row))
            for row in [row for row, steps in left.items() if steps <= 0]:
                feed.done(row, np.full((8, 8, 3), row.request.seed % 256, np.uint8))
                del left[row]
            misbehave({word for row in left for word in row.request.prompt.split()})

    def _steps(self, row):
        return next(int(word[6:]) for word in row.request.prompt.split() if word.startswith("steps="))


def misbehave(words):
    """Do the worst that the words say."""
    if "kill" in words:
        os.kill(os.getpid(), signal.SIGKILL)
    if "deaf" in words:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGTERM})
    if words & {"deaf", "hang"}:
        time.sleep(3600)
    if "oom" in words:
        raise OutOfMemoryError
    if "device" in words:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")
    if "refuse" in words:
        raise ContentRefused
    if "raise" in words:
        raise ValueError("secret prompt")


def log_batch(rows):
    """Append the batch to the file that the test reads."""
    if path := os.environ.get("TEST_BATCHES"):
        with Path(path).open("a") as file:
            file.write(f"{os.getpid()} {' '.join(row.job_id for row in rows)}\n")


def served(generators, metrics, models_file=None):
    """Serve generators as a worker does, each loaded once and for all; a file may say more of them."""
    entries = load_catalog(models_file).models if models_file else {}
    models = ServedModels(lambda entry: generators[entry.id], Ledger(), metrics)
    for model in generators:
        models.serve(entries.get(model) or TestcardModel(id=model, family="testcard"))
    return models


def served_in_turn(names, broken):
    """Serve models of which one at a time fits into memory, and none can be loaded once its name is a file there."""
    loaded = weakref.WeakSet()

    def load(entry):
        if (broken / entry.id).exists():
            raise OSError("the weights are gone")
        generator = ObedientGenerator(batch_size=2)
        loaded.add(generator)
        return generator

    def serve(_, metrics):
        models = ServedModels(load, Ledger(1), metrics, measure=lambda: len(loaded))
        for name in names:
            models.serve(TestcardModel(id=name, family="testcard"))
        return models

    return serve


def main():
    """Run a worker process with this generator as the model `card`."""
    ordered = {name: float(os.environ.get(f"TEST_{name.upper()}", default)) for name, default in DEFAULTS.items()}
    generator = ContinuousGenerator() if "TEST_ADMITS" in os.environ else ObedientGenerator(**ordered)
    if names := os.environ.get("TEST_MODELS"):
        serve = served_in_turn(names.split(), Path(os.environ["TEST_BROKEN"]))
    else:
        serve = lambda said, metrics: served({"card": generator}, metrics, said.models_file)  # noqa: E731
    code = run_worker(Settings(), serve)
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
