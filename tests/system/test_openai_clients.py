"""The official client, today's and that of 2023, against the whole service, from generation to streams."""

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import openai
import pytest
from PIL import Image

from tests.app.api.pictures import mask_png, png

OLD_CLIENT = Path(sys.prefix) / "openai-0.28"
SIZE = (128, 128)

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # variations, by OpenAI


@pytest.fixture
def client(service_url):
    with openai.OpenAI(base_url=f"{service_url}/v1", api_key="unused", max_retries=0) as client:
        yield client


def pixels(image):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(image.b64_json))).convert("RGB"))


def test_a_stream_shows_the_picture_growing(client):
    """Real unfinished pictures, of the finished one's size and format, and each nearer to it."""
    ask = {"prompt": "a red fox", "size": "128x128", "extra_body": {"num_inference_steps": 10}}
    with client.images.generate(stream=True, partial_images=2, model="gpt-image-1", **ask) as stream:
        *partial, completed = stream
    assert completed.type == "image_generation.completed"
    assert {event.type for event in partial} <= {"image_generation.partial_image"}
    assert 1 <= len(partial) <= 2
    assert [event.partial_image_index for event in partial] == list(range(len(partial)))
    shown = [pixels(event).astype(float) for event in (*partial, completed)]
    assert {picture.shape for picture in shown} == {(128, 128, 3)}
    away = [np.abs(picture - shown[-1]).mean() for picture in shown]
    assert away == sorted(away, reverse=True)
    assert away[0] > 1


def test_an_edit_changes_what_the_mask_leaves_open(client):
    """Outside the mask the picture stays as it was; the seed comes back and gives the same picture again."""
    ask = {"image": png(SIZE, "orange"), "mask": mask_png(SIZE, (0, 0, 128, 64)), "prompt": "a red fox"}
    first = client.images.edit(**ask, response_format="b64_json", n=2)
    again = client.images.edit(**ask, response_format="b64_json", extra_body={"seed": first.data[0].seed})
    drawn = pixels(first.data[0])
    assert (drawn[64:] == (255, 165, 0)).all()
    assert (drawn[:64] != (255, 165, 0)).any()
    assert np.array_equal(drawn, pixels(again.data[0]))
    assert not np.array_equal(drawn, pixels(first.data[1]))


async def test_many_variations_at_once(service_url):
    """The asynchronous client."""
    async with openai.AsyncOpenAI(base_url=f"{service_url}/v1", api_key="unused") as client:
        answer = await client.images.create_variation(image=png(SIZE), n=3, size="128x128", model="dall-e-2")
    assert len({image.url for image in answer.data}) == 3


@pytest.mark.skipif(not OLD_CLIENT.exists(), reason="openai 0.28.1 is not installed (make test does it)")
def test_programs_of_2023_work(service_url):
    """Every call of the old client, its way of sending files, and its error class."""
    environment = os.environ | {"PYTHONPATH": str(OLD_CLIENT)}
    script = Path(__file__).with_name("openai_2023.py")
    done = subprocess.run(
        [sys.executable, script, service_url], env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    created, edited, varied, refused, awaited, models = map(json.loads, done.stdout.splitlines())
    assert created == {"call": "create", "images": 2, "size": [128, 128]}
    assert edited == {"call": "edit", "images": 1, "size": [128, 128]}
    assert varied == {"call": "variation", "images": 2, "starts": "iVBORw0K"}
    assert awaited == {"call": "acreate", "images": 1, "size": [128, 128]}
    assert (refused["param"], refused["status"]) == ("size", 400)
    assert "this model draws" in refused["message"]
    assert models["ids"] == ["card", "slow"]
