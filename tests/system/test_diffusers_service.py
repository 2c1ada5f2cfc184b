"""A real diffusers pipeline behind the whole service: its abilities, its pictures, its cancellation."""

import io
import time

import httpx
import pytest
from PIL import Image

from tests.models.contract.tiny_pipelines import save_pixart_sigma
from tests.system.running_easel import RunningEasel

MODELS = """
default = "tiny"
[models.tiny]
family = "diffusers"
source = "./pixart"
dtype = "float32"
defaults = { num_inference_steps = 2 }
limits = { num_inference_steps = 1000 }
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    save_pixart_sigma(folder / "pixart")
    (folder / "models.toml").write_text(MODELS)
    service = RunningEasel(folder / "data", "--models", folder / "models.toml")
    with httpx.Client(base_url=service.url(), timeout=60) as client:
        yield client
    assert service.interrupt() == 0


def draw(client, **fields):
    answer = client.post("/v1/jobs", json={"prompt": "a pink house", **fields}, headers={"Prefer": "wait=50"})
    return answer.raise_for_status().json()


def test_abilities_are_the_pipelines(client):
    """The gateway shows what the worker has read from the pipeline."""
    model = client.get("/v1/models/tiny").json()
    assert model["capabilities"]["options"]["guidance_scale"]["default"] == 4.5
    assert "diffusers" in model["revision"]


def test_a_seed_gives_the_same_picture_again(client):
    """The same request and seed give the same bytes, of the size asked for."""
    first, second = (draw(client, seed=7, size="96x64")["images"][0] for _ in range(2))
    assert first["sha256"] == second["sha256"]
    assert Image.open(io.BytesIO(client.get(first["url"]).content)).size == (96, 64)


def test_a_size_between_the_multiples_is_refused(client):
    """The size is neither rounded nor drawn, and the field is named."""
    answer = client.post("/v1/jobs", json={"prompt": "a", "size": "66x64"})
    assert (answer.status_code, answer.json()["param"]) == (400, "size")


def test_a_running_job_stops_between_steps(client):
    """Cancelling a run of minutes frees the worker within a few steps."""
    job = client.post("/v1/jobs", json={"prompt": "a", "num_inference_steps": 1000, "size": "512x512"}).json()
    while client.get(f"/v1/jobs/{job['id']}").json()["status"] == "queued":
        time.sleep(0.05)
    client.post(f"/v1/jobs/{job['id']}/cancel").raise_for_status()
    assert client.get(f"/v1/jobs/{job['id']}").json()["status"] == "canceled"
    assert draw(client)["status"] == "succeeded"
