"""What the doctor makes of files of weights."""

import numpy as np
import pytest

from app.model_findings import model_findings
from app.settings import Settings

safetensors = pytest.importorskip("safetensors.numpy")

GIB = 2**30
CATALOG = """
default = "own"
[models.own]
family = "gan"
source = "own"
[models.turbo]
family = "diffusers"
source = "stabilityai/sd-turbo"
[models.card]
family = "testcard"
"""


@pytest.fixture
def weights(tmp_path):
    """A model's file of 4,000 bytes of weights, and the list that names it."""
    (tmp_path / "models.toml").write_text(CATALOG)
    (tmp_path / "own" / "generator").mkdir(parents=True)
    file = tmp_path / "own" / "generator" / "model.safetensors"
    safetensors.save_file({"w": np.zeros(1000, np.float32)}, file)
    return file


def looked(weights, free_bytes=GIB, **settings):
    """The findings on this list of models."""
    return list(model_findings(Settings(models_file=weights.parents[2] / "models.toml", **settings), free_bytes))


def wrong(weights, **given):
    """The one finding that is wrong, its detail and remedy together."""
    (finding,) = [finding for finding in looked(weights, **given) if not finding.ok]
    return f"{finding.detail} → {finding.remedy}"


def test_whole_weights_that_fit(weights):
    """Each model is told, and how much of the free memory all take."""
    details = [finding.detail for finding in looked(weights) if finding.ok]
    assert details == [
        "own (gan): 1 files of weights, 0 MiB",
        "turbo (diffusers): stabilityai/sd-turbo of the hub is looked for when a worker loads it",
        "card (testcard): needs no weights",
        "models take about 0 MiB of 1.0 GiB free",
    ]


def test_weights_that_are_not_there(weights):
    """The folder is named."""
    weights.unlink()
    assert f"no weights in {weights.parents[1]}" in wrong(weights)


def test_adapters_are_looked_at(weights, tmp_path):
    """One that is missing or damaged is named; those of one base count its weights once."""
    styles = "".join(
        f'[models.{name}]\nfamily = "diffusers"\nsource = "./own"\nadapters = [{{ source = "./ink.safetensors" }}]\n'
        for name in ("ink", "thin-ink")
    )
    (tmp_path / "models.toml").write_text(f'default = "ink"\n{styles}')
    missing = [finding.detail for finding in looked(weights) if not finding.ok]
    assert [f"adapters: {tmp_path / 'ink.safetensors'}: " in detail for detail in missing] == [True, True]
    (tmp_path / "ink.safetensors").write_bytes(weights.read_bytes())
    assert [finding.ok for finding in looked(weights, free_bytes=9000)] == [True, True, True]


@pytest.mark.parametrize("keep", [4, 300])
def test_weights_that_were_cut_off(weights, keep):
    """A copy that was interrupted, in the header or behind it, is named before a worker trips over it."""
    weights.write_bytes(weights.read_bytes()[:keep])
    assert str(weights) in wrong(weights)


def test_a_machine_for_gateways_alone(weights):
    """Nothing is said of memory where no worker can run."""
    assert not [finding for finding in looked(weights, free_bytes=None) if finding.name == "memory"]


def test_models_that_do_not_fit_into_memory(weights):
    """The remedy names the setting."""
    assert "EASEL_MODEL_MEMORY_BYTES" in wrong(weights, free_bytes=4000)


def test_a_model_that_does_not_fit_into_the_budget(weights):
    """A worker would refuse it at its start."""
    assert "own takes about" in wrong(weights, model_memory_bytes=4000)
