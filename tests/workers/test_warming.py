"""What a worker does with a model between loading it and announcing it."""

import re

import numpy as np
import pytest

from app.metrics import new_registry
from app.settings import Settings
from models.interface import Capabilities, ContentRefused, Range
from tests.fakes import ObedientGenerator
from workers.loading import serve_catalog
from workers.metrics import WorkerMetrics
from workers.warming import ModelCannotDraw, warm_up


class Broken(ObedientGenerator):
    """Loads, but ends every picture with this error."""

    def __init__(self, error):
        super().__init__()
        self._error = error

    def generate(self, rows, feed):  # noqa: ARG002 - the same whatever is asked
        raise self._error


class Silent(ObedientGenerator):
    """Ends without a picture."""

    def generate(self, rows, feed):
        pass


class Curious(ObedientGenerator):
    """Remembers what it was asked for."""

    def __init__(self, capabilities):
        super().__init__()
        self.capabilities = capabilities
        self.requests = []

    def generate(self, rows, feed):
        self.requests += [row.request for row in rows]
        feed.done(rows[0], np.zeros((8, 8, 3), np.uint8))


def test_one_picture_is_drawn():
    """A model that works draws once, and nothing else happens."""
    generator = ObedientGenerator()
    warm_up("card", generator)
    assert len(generator.batches) == 1


@pytest.mark.parametrize(("most_steps", "taken"), [(50, 2), (1, 1)])
def test_the_picture_is_the_cheapest_that_the_model_offers(most_steps, taken):
    """Starting takes no longer than it must, and nothing is asked that a caller could not ask."""
    steps = Range(minimum=1, maximum=most_steps, default=most_steps)
    generator = Curious(Capabilities(sizes=((256, 256), (64, 128)), options={"num_inference_steps": steps}))
    warm_up("card", generator)
    (request,) = generator.requests
    assert (request.width, request.height, request.num_inference_steps) == (64, 128, taken)


@pytest.mark.parametrize(
    ("generator", "reason"),
    [(Broken(RuntimeError("no kernel")), "RuntimeError: no kernel"), (Silent(), "without a picture")],
)
def test_a_model_that_cannot_draw_is_named(generator, reason):
    """The message says which model it is and what went wrong."""
    with pytest.raises(ModelCannotDraw, match=f"model card cannot draw: .*{reason}"):
        warm_up("card", generator)


def test_a_flagged_picture_shows_that_the_model_works():
    """A safety checker can only flag what was drawn."""
    warm_up("card", Broken(ContentRefused()))


def test_a_loaded_model_was_warmed_up(tmp_path, caplog):
    """Loading gives a generator that has drawn, and the log tells both times apart."""
    caplog.set_level("INFO")
    path = tmp_path / "models.toml"
    path.write_text('default = "card"\n[models.card]\nfamily = "testcard"\nseconds_per_batch = 0.2\n')
    registry = new_registry()
    serve_catalog(Settings(models_file=path), WorkerMetrics(registry))
    times = dict(re.findall(r"(load|warm_up)_seconds=([0-9.]+)", caplog.text))
    assert float(times["warm_up"]) >= 0.2
    both = registry.get_sample_value("easel_model_load_seconds", {"model": "card"})
    assert both == pytest.approx(sum(map(float, times.values())), abs=0.02)
