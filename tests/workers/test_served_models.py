"""A worker's models within a budget of memory, with weights of a size and with the bundled ones."""

import gc
import time
from functools import partial
from pathlib import Path

import pytest

from app.metrics import new_registry
from models.catalog import load_catalog
from models.catalog_entries import DiffusersModel, TestcardModel
from models.families import load_generator
from models.weight_files import weight_bytes
from tests.fakes import ObedientGenerator
from workers.failures import ModelNotLoaded
from workers.ledger import Ledger, ModelTooLarge
from workers.memory import model_bytes
from workers.metrics import WorkerMetrics
from workers.served_models import ServedModels

MEGABYTE = 2**20


class Weighty(ObedientGenerator):
    """A model that takes ten bytes of an imaginary memory for as long as it lives."""

    alive = 0

    def __init__(self):
        super().__init__()
        Weighty.alive += 1

    def __del__(self):
        Weighty.alive -= 1


class Shelf:
    """Models of ten bytes each, and a way to break one."""

    def __init__(self, budget, clock=time.monotonic):
        self.registry = new_registry()
        self.broken = set()
        self.loads = []
        metrics = WorkerMetrics(self.registry)
        self.models = ServedModels(self._load, Ledger(budget, clock), metrics, measure=lambda: 10 * Weighty.alive)

    def serve(self, *names, **options):
        for name in names:
            self.models.serve(TestcardModel(id=name, family="testcard", **options))

    def loaded(self):
        return set(self.models) - set(self.models.load_seconds())

    def value(self, metric, model):
        return self.registry.get_sample_value(metric, {"model": model})

    def _load(self, entry):
        if entry.id in self.broken:
            raise OSError("the file is gone")
        self.loads.append(entry.id)
        return Weighty()


def test_all_are_served_and_some_are_loaded():
    """What has no room is announced like the rest, with what its loading takes."""
    shelf = Shelf(20)
    shelf.serve("a", "b", "c")
    assert (list(shelf.models), shelf.loaded(), Weighty.alive) == (["a", "b", "c"], {"b", "c"}, 2)
    assert shelf.models.load_seconds().keys() == {"a"}
    assert set(shelf.models.profiles()) == {"a", "b", "c"}


def test_a_model_comes_back_when_it_is_needed():
    """The one used longest ago makes room; a loaded one is not loaded again."""
    shelf = Shelf(20)
    shelf.serve("a", "b", "c")
    shelf.models.open("b")
    assert isinstance(shelf.models.open("a"), Weighty)
    shelf.models.open("a")
    assert (shelf.loaded(), shelf.loads) == ({"a", "b"}, ["a", "b", "c", "a"])
    assert shelf.value("easel_model_loads_total", "a") == 2
    assert shelf.value("easel_model_unloads_total", "c") == 1
    assert (shelf.value("easel_model_memory_bytes", "a"), shelf.value("easel_model_memory_bytes", "c")) == (10, 0)


def test_a_claim_leaves_out_who_may_not_be_loaded_yet():
    """Right after a loading nothing else is loaded, and it is known for how long."""
    shelf = Shelf(10, clock=lambda: 0.0)
    shelf.serve("a", "b", max_batch_cost=64)
    offer = shelf.models.offer()
    assert (offer.max_images, offer.max_cost, offer.later_seconds) == ({"b": 8}, {"b": 64.0}, {})
    assert offer.again_in_seconds > 0


def test_a_model_that_can_no_longer_be_loaded_is_withdrawn():
    """The others are served as before, and it is counted."""
    shelf = Shelf(10)
    shelf.serve("a", "b")
    shelf.broken.add("a")
    with pytest.raises(ModelNotLoaded):
        shelf.models.open("a")
    assert list(shelf.models) == ["b"]
    assert shelf.models.open("b")
    assert shelf.value("easel_model_load_failures_total", "a") == 1


def test_a_model_that_fits_nowhere_is_refused():
    """Nothing of it is served, and nothing of it stays."""
    shelf = Shelf(5)
    with pytest.raises(ModelTooLarge):
        shelf.serve("a")
    gc.collect()
    assert (list(shelf.models), Weighty.alive) == ([], 0)


def style(name, source="base"):
    return DiffusersModel(id=name, family="diffusers", source=source)


def test_models_that_share_weights_come_and_go_together():
    """One alone would free nothing: all of a base go for another model, and each comes back when it is needed."""
    shelf = Shelf(20)
    shelf.models.serve(style("plain"))
    shelf.models.serve(style("ink"))
    shelf.serve("other")
    assert shelf.loaded() == {"other"}
    shelf.models.open("ink")
    assert (shelf.loaded(), Weighty.alive) == ({"ink"}, 1)
    shelf.models.open("plain")
    assert (shelf.loaded(), Weighty.alive) == ({"ink", "plain"}, 2)


def test_weights_that_nobody_shares_any_more_take_nothing():
    """A model that is served anew with other weights, or withdrawn, leaves its room to others."""
    shelf = Shelf(20)
    shelf.models.serve(style("plain"))
    shelf.models.serve(style("plain", "paper"))
    shelf.serve("other")
    assert shelf.loaded() == {"plain", "other"}
    shelf.models.withdraw("plain")
    shelf.serve("third")
    assert shelf.loaded() == {"other", "third"}


def test_a_model_is_tried_before_it_is_served_and_never_again():
    """Loading it for a batch takes no longer than it must; a new form of it is tried as well."""
    tried = []
    metrics = WorkerMetrics(new_registry())
    models = ServedModels(
        lambda _: Weighty(),
        Ledger(10),
        metrics,
        measure=lambda: 10 * Weighty.alive,
        try_out=lambda model, _: tried.append(model),
    )
    for model in ("a", "b", "b"):
        models.serve(TestcardModel(id=model, family="testcard"))
    models.open("a")
    assert tried == ["a", "b", "b"]


def test_each_change_is_told():
    """A worker announces anew what has changed, and only then."""
    shelf = Shelf(10)
    shelf.serve("a", "b")
    version = shelf.models.version
    shelf.models.open("b")
    assert shelf.models.version == version
    shelf.models.open("a")
    assert shelf.models.version > version


@pytest.fixture
def bundled():
    """Both bundled generators, with room for one, and how much the tensors of the loaded one take."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    others = model_bytes()  # what other tests have left
    load = partial(load_generator, device="cpu", dtype="auto")
    models = ServedModels(load, Ledger(40 * MEGABYTE), WorkerMetrics(new_registry()))
    for model in ("easel-transformer", "easel-gan"):
        models.serve(load_catalog().models[model])
    yield models, lambda: model_bytes() - others
    torch.set_num_threads(threads)


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_bundled_models_take_turns_in_one_place(bundled):
    """Never are both in memory, files tell about what a model takes, and it comes back to the operating system."""
    models, occupied = bundled
    for model in ("easel-gan", "easel-transformer"):
        models.open(model)
        assert models.load_seconds().keys() == set(models) - {model}
        assert occupied() == pytest.approx(weight_bytes(load_catalog().models[model]), rel=0.35)
    tensors, resident = occupied(), resident_bytes()
    models.withdraw("easel-transformer")
    assert occupied() == 0
    assert resident - resident_bytes() > 0.8 * tensors
