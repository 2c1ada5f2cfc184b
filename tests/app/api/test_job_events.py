"""The stream of a job over real HTTP: what comes, when nothing does, and what is left when a client goes."""

import json
import threading
from contextlib import closing

import httpx
import pytest

from app.api import event_streams
from tests.conftest import wait_until


def submit(http):
    """Post a job that is accepted."""
    return http.post("/v1/jobs", json={"prompt": "a red fox"}).json()["id"]


class Stream:
    """Reads events from an answer."""

    def __init__(self, response):
        self.response = response
        self._lines = response.iter_lines()

    def next(self):
        """Return the next event's fields, its data parsed, or None at the end; a comment is {"": text}."""
        fields = {}
        for line in self._lines:
            if not line:
                break
            name, _, value = line.partition(": ")
            fields[name] = value
        if "data" in fields:
            fields["data"] = json.loads(fields["data"])
        return fields or None


@pytest.fixture
def follow(http):
    """A function that follows a job, with headers and parameters."""
    opened = []

    def follow(job_id, **options):
        response = http.send(http.build_request("GET", f"/v1/jobs/{job_id}/events", **options), stream=True)
        opened.append(response)
        return Stream(response)

    yield follow
    for response in opened:
        response.close()


def test_a_job_is_followed_to_its_end(http, worker, follow):
    """Events come with names and ids; the last holds the job as a GET shows it."""
    job_id = submit(http)
    stream = follow(job_id)
    assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.next() == {"event": "queued", "id": "queued-0-0", "data": {"position": 0, "estimate": None}}
    jobs = worker.claim()
    assert stream.next() == {"event": "running", "id": "running-0-0", "data": {"step": 0, "num_steps": None}}
    worker.succeed(jobs)
    ended = stream.next()
    assert (ended["event"], ended["data"]["status"], len(ended["data"]["images"])) == ("ended", "succeeded", 1)
    assert stream.next() is None


def test_nothing_follows_the_end(http, worker, follow):
    """A browser that comes back after the end is told to stay away; one that missed it is told of it."""
    job_id = submit(http)
    worker.draw()
    ended = follow(job_id).next()
    assert ended["event"] == "ended"
    assert follow(job_id, headers={"Last-Event-ID": ended["id"]}).response.status_code == 204
    assert follow(job_id, headers={"Last-Event-ID": "running-3-0"}).next()["event"] == "ended"


@pytest.mark.parametrize(
    ("path", "headers", "status", "param"),
    [
        ("/v1/jobs/job_none/events", {}, 404, None),
        ("/v1/jobs/{}/events", {"Last-Event-ID": "17"}, 400, "Last-Event-ID"),
        ("/v1/jobs/{}/events?previews=maybe", {}, 400, "previews"),
        ("/v1/jobs/{}/events?preview=true", {}, 400, "preview"),
    ],
)
def test_a_bad_request_is_refused(http, path, headers, status, param):
    """A stream that cannot be begins as a problem, not as a stream."""
    response = http.get(path.format(submit(http)), headers=headers)
    assert (response.status_code, response.json()["param"]) == (status, param)


def test_a_silent_stream_is_kept_alive(http, monkeypatch):
    """While nothing happens comments flow, so that no proxy takes the connection for dead."""
    monkeypatch.setattr(event_streams, "HEARTBEAT_SECONDS", 0.05)
    job_id = submit(http)
    with httpx.stream("GET", f"{http.base_url}/v1/jobs/{job_id}/events") as response:
        stream = Stream(response)
        assert stream.next()["event"] == "queued"
        assert stream.next() == {"": "ping"}


def test_who_goes_away_leaves_nothing_behind(http, server, worker, follow):
    """A closed connection ends its stream at once, though there is nothing to send."""
    job_id = submit(http)
    watch = server.app.state.gateway.queue._watch
    with closing(follow(job_id).response):
        wait_until(lambda: job_id in watch._sights)
    wait_until(lambda: job_id not in watch._sights)


def test_streams_end_when_the_gateway_stops(start_gateway, http):
    """A gateway that is told to stop lets its followers go, who come back elsewhere with the last id."""
    job_id = submit(http)
    gateway, _, process = start_gateway()
    with gateway.stream("GET", f"/v1/jobs/{job_id}/events") as response:
        stream = Stream(response)
        seen = stream.next()
        threading.Timer(0.1, process.terminate).start()
        assert stream.next() is None
    process.wait(10)
    assert seen["id"] == "queued-0-0"
