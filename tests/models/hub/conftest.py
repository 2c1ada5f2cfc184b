"""A fake hub with a tiny Stable Diffusion."""

import pytest

from tests.models.contract import tiny_pipelines
from tests.models.hub.fake_hub import FakeHub, FakeRepository


@pytest.fixture(scope="session")
def stable_diffusion(tmp_path_factory):
    return tiny_pipelines.save_stable_diffusion(tmp_path_factory.mktemp("hub-stable-diffusion"))


@pytest.fixture
def hub(stable_diffusion, monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    hub = FakeHub()
    hub.repositories["easel/tiny"] = FakeRepository.of(stable_diffusion)
    yield hub
    hub.stop()
