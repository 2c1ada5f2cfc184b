"""Streams of the OpenAI door through the official client: unfinished images, the finished one, errors, and leaving."""

import base64
import time

import httpx
import openai
import pytest

from tests.app.api.pictures import png


@pytest.fixture
def client(http):
    """The official client; only its address is changed."""
    with openai.OpenAI(base_url=f"{http.base_url}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture
def draw_soon(worker):
    """Let the worker do something while the test waits, and wait for it at the end."""
    threads = []
    yield lambda action: threads.append(worker.soon(action))
    for thread in threads:
        thread.join(5)


def test_a_stream_ends_with_the_image(client, worker, draw_soon):
    """Without partial images, one event brings the image, its seed and its usage."""
    draw_soon(worker.draw)
    with client.images.generate(prompt="a red fox", stream=True, extra_body={"seed": 7}) as stream:
        (event,) = stream
    assert (event.type, event.size, event.output_format, event.seed) == (
        "image_generation.completed",
        "128x64",
        "png",
        7,
    )
    assert (event.background, event.quality, event.usage.output_tokens) == ("opaque", "auto", 32)
    assert base64.b64decode(event.b64_json).startswith(b"\x89PNG")
    assert event.created_at > time.time() - 60


def test_an_edit_streams_under_its_own_names(client, worker, draw_soon):
    """Several images end in as many events."""
    draw_soon(worker.draw)
    with client.images.edit(image=png(), prompt="a red fox", stream=True, n=2, partial_images=1) as stream:
        events = list(stream)
    assert [(event.type, event.image_index) for event in events] == [
        ("image_edit.completed", 0),
        ("image_edit.completed", 1),
    ]


def test_a_failure_is_raised_by_the_client(client, worker, draw_soon):
    """An error inside the stream has the form that the client raises."""
    draw_soon(worker.fail)
    with client.images.generate(prompt="a red fox", stream=True) as stream, pytest.raises(openai.APIError) as caught:
        list(stream)
    assert (caught.value.message, caught.value.code) == ("the model could not draw this", "out_of_memory")


def test_a_refusal_comes_before_the_stream(client):
    """What is refused is refused with its status."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(prompt="a red fox", stream=True, size="100x100")
    assert caught.value.param == "size"


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"partial_images": 2}, "partial_images"), ({"stream": True, "response_format": "url"}, "response_format")],
)
def test_contradictions_are_refused(client, fields, param):
    """Nothing is accepted and ignored."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(prompt="a red fox", **fields)
    assert caught.value.param == param


def test_a_client_that_leaves_its_stream_cancels_the_job(http, worker):
    """Nobody waits for the images any more, so nobody draws them."""
    with http.stream("POST", "/v1/images/generations", json={"prompt": "a red fox", "stream": True}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
    deadline = time.monotonic() + 10
    while (job := http.get("/v1/jobs").json()["data"][0])["status"] != "canceled":
        assert time.monotonic() < deadline, job
        time.sleep(0.02)


def test_a_stream_that_takes_too_long_says_so(settings, serve, http):
    """The job is canceled, and the error is an event."""
    with serve(settings.model_copy(update={"images_wait_seconds": 0.2})) as server:
        body = {"prompt": "a red fox", "stream": True}
        text = httpx.post(f"{server.url}/v1/images/generations", json=body).text
    assert "event: error" in text
    assert "job_too_slow" in text
    assert http.get("/v1/jobs").json()["data"][0]["status"] == "canceled"
