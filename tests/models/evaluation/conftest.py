"""The bundled judge, and few pictures for it."""

import numpy as np
import pytest
import torch

from models.catalog import load_catalog
from models.evaluation.cli import JUDGE, MATCHER
from models.evaluation.judge import Judge
from models.evaluation.matcher import Matcher
from models.evaluation.material import heldout_pages
from models.families import load_generator


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def judge():
    return Judge.from_pretrained(JUDGE)


@pytest.fixture(scope="session")
def matcher():
    return Matcher.from_pretrained(MATCHER)


@pytest.fixture(scope="session")
def pages():
    return heldout_pages(40, seed=11)


@pytest.fixture(scope="session")
def drawings(pages):
    return np.stack([page.image for page in pages])


@pytest.fixture
def card():
    return load_generator(load_catalog().resolve("card"), device="cpu", dtype="auto")
