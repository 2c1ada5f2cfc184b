"""What a worker makes of a list of models that has changed."""

import pytest

from app.metrics import new_registry
from app.settings import Settings
from models.catalog import load_catalog
from tests.fakes import ObedientGenerator
from workers.ledger import Ledger
from workers.metrics import WorkerMetrics
from workers.reloading import CatalogReload
from workers.served_models import ServedModels

CARD = 'default = "card"\n[models.card]\nfamily = "testcard"\n'
NEW = '[models.new]\nfamily = "testcard"\n'


class Site:
    """A file, and models that are served by it; those that are `broken` cannot be loaded."""

    def __init__(self, path):
        self.path = path
        self.loaded = []
        self.broken = set()
        self.models = ServedModels(self._load, Ledger(), WorkerMetrics(new_registry()))
        self.path.write_text(CARD)
        self.models.serve(load_catalog(path).models["card"])
        self._reload = CatalogReload(Settings(models_file=path))

    def reload(self, text):
        self.path.write_text(text)
        self._reload.ask()
        self._reload.if_asked(self.models)

    def _load(self, entry):
        if entry.id in self.broken:
            raise OSError("no such file")
        self.loaded.append(entry.id)
        return ObedientGenerator()


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "models.toml")


def test_only_what_is_new_is_loaded(site):
    """A model whose entry is the same stays as it is."""
    site.reload(CARD + NEW)
    assert (list(site.models), site.loaded) == (["card", "new"], ["card", "new"])


def test_a_changed_entry_is_loaded_anew(site):
    """Its new bounds hold from the next batch on."""
    site.reload(CARD + "max_batch_cost = 5\n")
    assert (site.loaded, site.models.max_cost("card")) == (["card", "card"], 5)


def test_what_is_gone_is_served_no_more(site):
    """Nothing of it is asked for at the next claim."""
    site.reload('default = "new"\n' + NEW)
    assert site.models.offer().max_images.keys() == {"new"}


@pytest.mark.parametrize("text", ["default = ", CARD + "speed = 1\n"])
def test_a_file_with_mistakes_changes_nothing(site, text, caplog):
    """Not even what is right in it; the log names the place."""
    site.reload(text + NEW.replace("testcard", "oil"))
    assert (list(site.models), site.loaded) == (["card"], ["card"])
    assert "models.toml" in caplog.text


def test_a_new_model_that_cannot_be_loaded_harms_no_other(site):
    """It is not announced, and the next request tries it again."""
    site.broken.add("new")
    site.reload(CARD + NEW)
    assert list(site.models) == ["card"]
    site.broken.clear()
    site.reload(CARD + NEW)
    assert list(site.models) == ["card", "new"]


def test_a_changed_model_that_cannot_be_loaded_stays_as_it_was(site):
    """Better the old one than none."""
    site.broken.add("card")
    site.reload(CARD + "max_batch_cost = 5\n")
    assert (list(site.models), site.models.max_cost("card")) == (["card"], None)


def test_nothing_is_read_unasked(site):
    """A file that somebody is just writing is let alone."""
    site.path.write_text(CARD + NEW)
    site._reload.if_asked(site.models)
    assert list(site.models) == ["card"]
