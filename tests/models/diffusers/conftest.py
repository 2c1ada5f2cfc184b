"""Tiny pipelines on disk, built once, and ways to load them."""

import shutil
from pathlib import Path

import pytest
import torch

from models.catalog_entries import DiffusersModel
from models.diffusers_adapter import DiffusersGenerator
from tests.models.contract import tiny_pipelines


@pytest.fixture(scope="session")
def stable_diffusion(tmp_path_factory) -> Path:
    """The folder of a tiny Stable Diffusion; not to be changed."""
    return tiny_pipelines.save_stable_diffusion(tmp_path_factory.mktemp("stable-diffusion"))


@pytest.fixture
def own_copy(stable_diffusion, tmp_path) -> Path:
    """A copy of it that a test may damage."""
    return shutil.copytree(stable_diffusion, tmp_path / "pipeline")


@pytest.fixture
def load():
    def load_generator(source: Path | str, **options) -> DiffusersGenerator:
        entry = DiffusersModel(id="tiny", family="diffusers", source=str(source), **options)
        return DiffusersGenerator.from_entry(entry, device=torch.device("cpu"), dtype=torch.float32)

    return load_generator
