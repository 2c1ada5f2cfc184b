"""What our scripts write is what RQ 3.0.0's own Python writes, so that its tools and workers see one truth.

Each step is done twice, by RQ on one database and by us on another, and the two are compared key by key. This
also guards upgrades of RQ.
"""

import re
import time

import pytest
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from app.messages import RENDER_TASK, JobError, JobMessage, Outcome
from models.interface import GenerationRequest
from workers.claims import Claims, Ending

MESSAGE = JobMessage(model="card", request=GenerationRequest(prompt="fox", width=8, height=8, seed=1))
OURS = {
    *("model", "tenant", "batch_key", "cost", "num_images", "kind", "queued_at", "place", "attempts", "outcome"),
    *("committed", "metadata", "deadline_at", "webhook", "ends"),
}
FREE_VALUES = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\d{9,}(\.\d+)?")
KEEP_SECONDS = 86_400


def snapshot(client, *names):
    """Describe all of RQ's keys, with ids and times replaced by words."""

    def plain(value):
        text = value.decode(errors="replace")
        for name, word in names:
            text = text.replace(name, word)
        return FREE_VALUES.sub("<time>", text)

    keys = {}
    for key in client.scan_iter("rq:*"):
        match client.type(key):
            case b"hash":
                content = {plain(name): plain(value) for name, value in client.hgetall(key).items()}
                content = {name: value for name, value in content.items() if name not in OURS | {"data", "ip_address"}}
            case b"list":
                content = [plain(value) for value in client.lrange(key, 0, -1)]
            case b"set":
                content = {plain(value) for value in client.smembers(key)}
            case b"zset":
                content = {plain(value): _about(score) for value, score in client.zrange(key, 0, -1, withscores=True)}
            case b"stream":
                content = [sorted(plain(name) for name in entry) for _, entry in client.xrange(key)]
        keys[plain(key)] = (content, client.ttl(key) > 0)
    return keys


def _about(score):
    """How far in the future, in units that a test's own duration does not change."""
    return round((score - time.time()) / 1000)


def _forget_what_we_do_on_purpose(keys):
    """Our executions expire a day later than RQ's, because RQ fails what has expired; a batch shares its time."""
    for key in ("rq:wip:card", "rq:executions:<job>"):
        if key in keys:
            keys[key] = set(keys[key][0])
    if "rq:worker:the-worker" in keys:
        keys["rq:worker:the-worker"][0].pop("total_working_time", None)


class ByRQ:
    """Each step as RQ takes it."""

    def __init__(self, client):
        self.client = client
        self.queue = Queue("card", connection=client, serializer=JSONSerializer, default_timeout=300)
        self.worker = SimpleWorker([self.queue], connection=client, serializer=JSONSerializer, name="the-worker")

    def submit(self):
        self.job = self.queue.enqueue(
            RENDER_TASK,
            kwargs={"message": MESSAGE.model_dump(mode="json")},
            description="draw with card",
            job_timeout=300,
            result_ttl=KEEP_SECONDS,
            failure_ttl=KEEP_SECONDS,
        )

    def start(self):
        self.worker.register_birth()
        self.client.lrem(self.queue.key, 1, self.job.id)
        self.execution = self.worker.prepare_execution(self.job)
        self.worker.prepare_job_execution(self.job)
        self.job.refresh()

    def succeed(self):
        self.worker._finalize_success(self.job, self.queue, self.execution, {"images": []})

    def fail(self):
        self.worker._finalize_failure(self.job, self.queue, self.execution, (ValueError, ValueError("x"), None))

    def cancel(self):
        self.job.cancel()

    def names(self):
        execution = getattr(self, "execution", None)
        return [(self.job.id, "<job>"), *([(execution.id, "<execution>")] if execution else [])]


class ByUs(ByRQ):
    """Each step as our scripts take it."""

    def __init__(self, client, job_queue):
        super().__init__(client)
        self.job_queue = job_queue
        self.claims = Claims(client, "the-worker", KEEP_SECONDS)

    async def submit(self):
        self.record = await self.job_queue.submit(MESSAGE, batch_key="8x8", cost=1.0)

    def start(self):
        self.worker.register_birth()
        (self.claimed,) = self.claims.claim({"card": 8}, max_wait_seconds=0).jobs

    def succeed(self):
        assert self.claims.commit([Ending(self.claimed, Outcome(), 0.5)]) == ["committed"]

    def fail(self):
        outcome = Outcome(error=JobError(code="timeout", message="too long"))
        assert self.claims.commit([Ending(self.claimed, outcome, 0.5, "trace")]) == ["committed"]

    async def cancel(self):
        await self.job_queue.cancel(self.record.id)

    def names(self):
        claimed = getattr(self, "claimed", None)
        execution = [(claimed.execution.split(":")[1], "<execution>")] if claimed else []
        return [(self.record.id, "<job>"), *execution]


@pytest.mark.parametrize(
    "steps", [["submit"], ["submit", "start"], ["submit", "start", "succeed"], ["submit", "start", "fail"]]
)
async def test_each_step_writes_what_rq_writes(steps, sync_client, job_queue):
    """After every step of a job's life RQ's keys are the same, whoever took it."""
    theirs = ByRQ(sync_client)
    for step in steps:
        getattr(theirs, step)()
    expected = snapshot(sync_client, *theirs.names())
    sync_client.flushall()

    ours = ByUs(sync_client, job_queue)
    for step in steps:
        done = getattr(ours, step)()
        if step == "submit":
            await done
    found = snapshot(sync_client, *ours.names())
    for keys in (expected, found):
        _forget_what_we_do_on_purpose(keys)
    assert found == expected
    assert Job.fetch(ours.record.id, connection=sync_client, serializer=JSONSerializer).func_name == RENDER_TASK


async def test_cancel_writes_what_rq_writes(sync_client, job_queue):
    """A canceled job leaves RQ's keys as RQ's own cancel does, but expires."""
    theirs = ByRQ(sync_client)
    theirs.submit()
    theirs.cancel()
    expected = snapshot(sync_client, *theirs.names())
    sync_client.flushall()

    ours = ByUs(sync_client, job_queue)
    await ours.submit()
    await ours.cancel()
    found = snapshot(sync_client, *ours.names())
    assert found["rq:job:<job>"][1]
    for keys in (expected, found):
        del keys["rq:job:<job>"][0]["ended_at"]
        keys["rq:job:<job>"] = keys["rq:job:<job>"][0]
    assert found == expected
