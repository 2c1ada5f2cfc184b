"""Small parts that stand in for a worker's neighbours, and jobs to hand them."""

import threading

from app.errors import StorageUnavailable
from app.messages import JobMessage
from models.interface import GenerationRequest
from workers.claimed_job import ClaimedJob


def claimed_job(name="job", *, num_images=1, prompt="fox"):
    """A job as a worker holds it."""
    request = GenerationRequest(prompt=prompt, width=8, height=8, seed=7, num_images=num_images)
    message = JobMessage(model="card", request=request)
    return ClaimedJob(name, f"{name}:1", "card", "card", message, deaths=0, waited_seconds=0.0)


class MemoryStore:
    """Keeps objects in a dictionary; refuses the first `refusals` puts, and holds puts up while `gate` is closed."""

    def __init__(self, refusals=0):
        self.objects = {}
        self.gate = threading.Event()
        self.gate.set()
        self._refusals = refusals

    def put(self, key, data, content_type):
        self.gate.wait(10)
        if self._refusals:
            self._refusals -= 1
            raise StorageUnavailable("away")
        self.objects[key] = (data, content_type)


class FinishingRecord:
    """Takes down what a feed hands over."""

    def __init__(self):
        self.stored = []
        self.failed = {}
        self.warnings = []

    def store(self, job, row, image):  # noqa: ARG002 - the picture does not matter
        self.stored.append((job.id, row.index))

    def fail(self, job, error):
        job.dropped = "failed"
        self.failed[job.id] = type(error).__name__

    def warn(self, job, message):
        self.warnings.append((job.id, message))
