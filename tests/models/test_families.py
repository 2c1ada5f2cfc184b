"""From an entry of the catalogue to the generator of its family."""

import subprocess
import sys

from models.catalog_entries import DiffusersModel, TestcardModel
from models.families import load_generator
from models.testcard.generator import TestcardGenerator
from tests.models.contract.tiny_pipelines import save_stable_diffusion

CARD_WITHOUT_TORCH = """
import sys
from models.catalog import load_catalog
from models.catalog_entries import TestcardModel
from models.families import load_generator
load_catalog()
load_generator(TestcardModel(id="card", family="testcard"), device="auto", dtype="auto")
sys.exit(bool({"torch", "diffusers"} & set(sys.modules)))
"""


def test_a_card_is_loaded():
    """The test card's entry gives the test card."""
    entry = TestcardModel(id="card", family="testcard")
    assert isinstance(load_generator(entry, device="auto", dtype="auto"), TestcardGenerator)


def test_an_entry_decides_about_its_dtype(tmp_path):
    """What the catalogue says of one model goes before the setting for all."""
    source = str(save_stable_diffusion(tmp_path))
    own = DiffusersModel(id="own", family="diffusers", source=source, dtype="float32")
    assert load_generator(own, device="cpu", dtype="bfloat16").description["dtype"] == "float32"
    auto = DiffusersModel(id="auto", family="diffusers", source=source)
    assert load_generator(auto, device="cpu", dtype="bfloat16").description["dtype"] == "bfloat16"


def test_a_card_needs_no_torch():
    """Only the family in use is imported."""
    assert subprocess.run([sys.executable, "-c", CARD_WITHOUT_TORCH], check=False).returncode == 0
