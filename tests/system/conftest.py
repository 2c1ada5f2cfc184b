"""Services started by `easel run` in folders of their own, one that tests share, and a collector of traces."""

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
SHARED_MODELS = """
default = "card"
[aliases]
"gpt-image-1" = "slow"
"dall-e-2" = "card"
[models.card]
family = "testcard"
[models.slow]
family = "testcard"
seconds_per_batch = 1.5
"""


@pytest.fixture(scope="session")
def service_url(tmp_path_factory):
    """`easel run` with test cards; the model `slow` lets its progress be seen."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "models.toml").write_text(SHARED_MODELS)
    service = RunningEasel(folder / "data", "--models", folder / "models.toml")
    yield service.url()
    assert service.interrupt() == 0


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
