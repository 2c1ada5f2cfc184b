"""The command's own client against a real gateway."""

import io
import time

import pytest
from rich.console import Console

from app import client as client_module
from app.client import Client, ServerError
from app.drawing import draw_and_save


@pytest.fixture
def client(http):
    """A client of the gateway."""
    with Client(str(http.base_url)) as client:
        yield client


def test_a_job_is_followed_to_its_end(client, worker):
    """Each state comes as it is reached, as a job."""
    states = client.follow(client.submit(prompt="a red fox"))
    assert next(states)["status"] == "queued"
    assert next(states)["position"] == 0
    jobs = worker.claim()
    assert next(states)["status"] == "running"
    worker.succeed(jobs)
    ended = list(states)[-1]
    assert (ended["status"], len(ended["images"])) == ("succeeded", 1)


def test_a_gateway_that_dies_is_told_of(start_gateway, monkeypatch):
    """A cut stream is taken up again; where nobody answers any more, the client says so."""
    monkeypatch.setattr(client_module, "RECONNECT_SECONDS", 0.01)
    http, _, process = start_gateway()
    with Client(str(http.base_url)) as client:
        states = client.follow(client.submit(prompt="a red fox"))
        assert [next(states)["status"] for _ in range(2)] == ["queued", "queued"]
        process.kill()
        process.wait()
        with pytest.raises(ServerError, match="no answer from"):
            next(states)


def test_a_terminal_shows_place_and_time(client, worker, tmp_path):
    """Whoever waits in a terminal sees how many are ahead and for how long, and gets the picture."""
    worker.learn("128x64/20", 7.0)
    time.sleep(1.1)  # until the gateway looks at its workers' speeds again
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    client.submit(prompt="before it")
    drawing = worker.soon(lambda: (time.sleep(0.5), worker.draw()))
    paths = list(draw_and_save(client, {"prompt": "a red fox"}, tmp_path / "fox.png", console))
    drawing.join()
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert "queued, 1 ahead, ready in about 7 s" in screen.getvalue()
