"""Services started by `easel run` in folders of their own, and a collector of traces."""

import tempfile
import threading
from pathlib import Path

import pytest

from tests.system.collector import Collector
from tests.system.running_easel import RunningEasel

CARD = """
default = "card"
[models.card]
family = "testcard"
"""


@pytest.fixture
def easel():
    """Start services in folders of this test, and end whatever is left of them."""
    started = []

    def start(data_dir, *options, **settings):
        started.append(RunningEasel(data_dir, *options, **settings))
        return started[-1]

    yield start
    for service in started:
        if service.process.poll() is None:
            service.interrupt()


@pytest.fixture
def folder():
    """A folder with a path short enough for a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="easel-") as name:
        yield Path(name)


@pytest.fixture
def card(folder):
    """A list of models with the test card alone, which starts at once."""
    path = folder / "card.toml"
    path.write_text(CARD)
    return path


@pytest.fixture
def collector():
    """A collector on loopback."""
    server = Collector()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
