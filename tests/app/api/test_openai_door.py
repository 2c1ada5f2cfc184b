"""The OpenAI door through the unmodified `openai` client, over real HTTP."""

import asyncio
import base64
import time

import httpx
import openai
import pytest

from app.settings import Settings


@pytest.fixture
def impatient_server(settings, serve):
    """A gateway that waits no time at all."""
    with serve(settings.model_copy(update={"images_wait_seconds": 0.1})) as server:
        yield server


@pytest.fixture
def client(http):
    """The official client; only its address is changed."""
    with openai.OpenAI(base_url=f"{http.base_url}/v1", api_key="unused", max_retries=0) as client:
        yield client


def test_an_image_by_link(client, worker):
    """The default answer is a link, and the seed beside it."""
    worker.soon(worker.draw)
    answer = client.images.generate(prompt="a red fox", model="dall-e-3", size="256x128", extra_body={"seed": 7})
    (image,) = answer.data
    assert (image.seed, image.b64_json, image.revised_prompt) == (7, None, None)
    assert (answer.size, answer.output_format, answer.created > time.time() - 60) == ("256x128", "png", True)
    assert httpx.get(image.url).content.startswith(b"\x89PNG")


def test_images_as_base64(client, worker):
    """Several images are one job, and come in the format that was asked for."""
    worker.soon(worker.draw)
    answer = client.images.generate(
        prompt="a red fox", n=3, response_format="b64_json", output_format="webp", output_compression=80
    )
    assert [base64.b64decode(image.b64_json)[8:12] for image in answer.data] == [b"WEBP"] * 3
    assert len({image.seed for image in answer.data}) == 3
    assert {image.url for image in answer.data} == {None}


def test_usage_counts_words_and_squares(client, worker):
    """Usage measures every model alike."""
    worker.soon(worker.draw)
    usage = client.images.generate(prompt="a red fox", size="128x64", n=2).usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (3, 2 * 8 * 4, 67)


def test_values_that_leave_it_to_us(client, worker):
    """What clients send without meaning anything by it is accepted."""
    worker.soon(worker.draw)
    client.images.generate(
        prompt="a red fox", size="auto", quality="auto", background="auto", moderation="auto", stream=False, user="u-1"
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("quality", "hd"), ("style", "vivid"), ("background", "transparent"), ("moderation", "low")),
        *(("partial_images", 4), ("n", 11), ("n", 5), ("size", "100x100"), ("user", "")),
        *(("output_format", "gif"), ("response_format", "path"), ("extra_body", {"top_k": 3}), ("prompt", "")),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(client, field, value):
    """The client raises its own class for a bad request, with the field and the message."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(**({"prompt": "a red fox"} | {field: value}))
    param = "top_k" if field == "extra_body" else field
    assert (caught.value.param, caught.value.type) == (param, "invalid_request_error")
    assert caught.value.body["message"] in str(caught.value)


def test_an_unknown_model(client):
    """A model that is neither listed nor an alias."""
    with pytest.raises(openai.NotFoundError) as caught:
        client.images.generate(prompt="a red fox", model="gpt-image-9")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert caught.value.request_id == caught.value.response.headers["x-request-id"]


def test_a_failed_job_is_an_error_that_is_not_retried(http, worker):
    """The job's own code comes through, and the client does not draw the same failure again."""
    worker.soon(worker.fail)
    with (
        openai.OpenAI(base_url=f"{http.base_url}/v1", api_key="unused") as client,
        pytest.raises(openai.InternalServerError) as caught,
    ):
        client.images.generate(prompt="a red fox")
    assert (caught.value.code, caught.value.body["message"]) == ("out_of_memory", "the model could not draw this")
    assert len(http.get("/v1/jobs").json()["data"]) == 1


def test_a_job_that_is_canceled_meanwhile(client, http, worker):
    """Whoever waits for it is told."""

    def cancel():
        while not (jobs := http.get("/v1/jobs").json()["data"]):
            time.sleep(0.01)
        http.post(f"/v1/jobs/{jobs[0]['id']}/cancel")

    canceling = worker.soon(cancel)
    with pytest.raises(openai.ConflictError) as caught:
        client.images.generate(prompt="a red fox")
    canceling.join()
    assert caught.value.code == "job_canceled"


def test_a_key_finds_the_images_again(client, worker, counted):
    """A request sent again under its key draws nothing: it gets the same images, in another form if it likes."""
    worker.soon(worker.draw)
    key = {"extra_headers": {"Idempotency-Key": "k"}}
    first = client.images.generate(prompt="a red fox", **key)
    again = client.images.generate(prompt="a red fox", response_format="b64_json", **key)
    assert first.data[0].seed == again.data[0].seed
    assert again.data[0].b64_json
    assert counted('easel_jobs_submitted_total{model="card"}') == 1
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        client.images.generate(prompt="a blue fox", **key)
    assert caught.value.code == "idempotency_key_reused"


def test_a_client_with_a_key_may_return(http, worker):
    """Who went away, or waited too long, finds the job still there under the same key."""
    ask = {"json": {"prompt": "a red fox"}, "headers": {"Idempotency-Key": "k"}}
    with pytest.raises(httpx.ReadTimeout):
        http.post("/v1/images/generations", timeout=0.3, **ask)
    time.sleep(0.1)
    worker.soon(worker.draw)
    assert http.post("/v1/images/generations", **ask).json()["data"][0]["url"]
    assert len(http.get("/v1/jobs").json()["data"]) == 1


def test_a_key_whose_job_is_gone(client, http, worker):
    """A deleted job is not drawn anew for an old key."""
    worker.soon(worker.draw)
    key = {"extra_headers": {"Idempotency-Key": "k"}}
    client.images.generate(prompt="a red fox", **key)
    http.delete(f"/v1/jobs/{http.get('/v1/jobs').json()['data'][0]['id']}")
    with pytest.raises(openai.APIStatusError) as caught:
        client.images.generate(prompt="a red fox", **key)
    assert (caught.value.status_code, caught.value.code) == (410, "job_gone")


def test_a_model_that_is_not_ready(client):
    """The client is told when to come back, with a delay that it accepts."""
    with pytest.raises(openai.InternalServerError) as caught:
        client.images.generate(prompt="a red fox", model="absent")
    assert (caught.value.status_code, caught.value.code) == (503, "model_not_ready")
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 120


def test_a_client_that_goes_away_cancels_its_job(http):
    """Nobody waits for the images any more, so nobody draws them."""
    with pytest.raises(httpx.ReadTimeout):
        http.post("/v1/images/generations", json={"prompt": "a red fox"}, timeout=0.3)
    deadline = time.monotonic() + 5
    while (job := http.get("/v1/jobs").json()["data"][0])["status"] != "canceled":
        assert time.monotonic() < deadline, job
        time.sleep(0.02)


def test_a_job_that_takes_too_long_is_canceled(http, impatient_server):
    """Every waiting client is answered before it gives up by itself."""
    response = httpx.post(f"{impatient_server.url}/v1/images/generations", json={"prompt": "a red fox"})
    assert (response.status_code, response.json()["code"]) == (503, "job_too_slow")
    assert http.get("/v1/jobs").json()["data"][0]["status"] == "canceled"


def test_the_service_gives_up_before_its_client():
    """A client that gives up by itself asks again, and would have the same picture drawn a second time."""
    assert Settings().images_wait_seconds < openai.DEFAULT_TIMEOUT.read - 10


async def test_the_asynchronous_client(http, worker):
    """Many requests at once are drawn together."""
    async with openai.AsyncOpenAI(base_url=f"{http.base_url}/v1", api_key="unused") as client:
        asked = [asyncio.create_task(client.images.generate(prompt=f"fox {n}")) for n in range(4)]
        while len(http.get("/v1/jobs?status=queued").json()["data"]) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await asyncio.to_thread(worker.draw)
        answers = await asyncio.gather(*asked)
    assert [len(answer.data) for answer in answers] == [1, 1, 1, 1]


def test_models_are_listed(client):
    """The client's model list works, with our members beside OpenAI's."""
    card, absent = client.models.list().data
    assert (card.id, card.object, card.owned_by, card.ready, card.workers) == ("card", "model", "easel", True, 1)
    assert (card.capabilities["max_images"], card.aliases) == (4, ["dall-e-3"])
    assert (absent.id, absent.ready, absent.capabilities) == ("absent", False, None)


def test_one_model_is_told_by_its_alias(client):
    """A client finds out what stands behind a name."""
    model = client.models.retrieve("dall-e-3")
    assert (model.id, model.default, model.revision) == ("card", True, "r1")
    assert model.capabilities["options"]["guidance_scale"] == {"minimum": 1, "maximum": 30, "default": 7.5}
