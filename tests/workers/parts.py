"""Small parts that stand in for a worker's neighbours, and jobs to hand them."""

import threading

from app.errors import ObjectNotFound, StorageUnavailable
from app.messages import JobMessage
from models.interface import GenerationRequest
from workers.claimed_job import ClaimedJob


def claimed_job(name="job", *, num_images=1, prompt="fox"):
    """A job as a worker holds it."""
    request = GenerationRequest(prompt=prompt, width=8, height=8, seed=7, num_images=num_images)
    message = JobMessage(model="card", request=request)
    return ClaimedJob(name, f"{name}:1", "card", "card", message, deaths=0, waited_seconds=0.0)


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class MemoryStore:
    """Keeps objects in a dictionary; takes none while `away`, never the `refused` one, and waits at the `gate`."""

    def __init__(self):
        self.objects = {}
        self.kept_seconds = {}
        self.away = False
        self.refused = ""
        self.gate = threading.Event()
        self.gate.set()

    def put(self, key, data, content_type, *, kept_seconds=None):
        self.gate.wait(10)
        if self.away or key == self.refused:
            raise StorageUnavailable("away")
        self.objects[key] = (data, content_type)
        self.kept_seconds[key] = kept_seconds

    def get(self, key):
        if self.away:
            raise StorageUnavailable("away")
        if key not in self.objects:
            raise ObjectNotFound(key)
        return self.objects[key][0]


class FinishingRecord:
    """Takes down what a feed hands over."""

    moderators = ()

    def __init__(self):
        self.spooled = set()
        self.stored = []
        self.failed = {}
        self.warnings = []

    def store(self, job, row, image):  # noqa: ARG002 - the picture does not matter
        self.stored.append((job.id, row.index))

    def restore(self, job, row):
        return (job.id, row.index) in self.spooled

    def fail(self, job, error):
        job.dropped = "failed"
        self.failed[job.id] = type(error).__name__

    def warn(self, job, message):
        self.warnings.append((job.id, message))
