"""Edits and variations: what the official client sends, either body, and the jobs door's own form."""

import io

import openai
import pytest
from PIL import Image

from app.storage import open_store
from tests.app.api.pictures import data_url, mask_png, png


@pytest.fixture
def client(http):
    """The official client; only its address is changed."""
    with openai.OpenAI(base_url=f"{http.base_url}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture
def drawn(worker, settings):
    """A list that gets the request of each job as it is drawn, and its pictures as the worker finds them."""
    requests, store = [], open_store(settings)

    def pixels(key):
        return Image.open(io.BytesIO(store.get(key))) if key else None

    def draw():
        jobs = worker.claim()
        requests.extend(
            (job.message.request, pixels(job.message.request.image), pixels(job.message.request.mask)) for job in jobs
        )
        worker.succeed(jobs)

    thread = worker.soon(draw)
    yield requests
    thread.join(5)


def test_an_edit_with_a_mask(client, drawn):
    """The worker gets image and mask, and nothing but the mask's transparent part to draw anew."""
    answer = client.images.edit(
        image=png(), mask=mask_png(), prompt="a red fox", n=2, size="128x64", extra_body={"seed": 7}
    )
    ((request, image, mask),) = drawn
    assert (request.task, request.strength, request.num_images, request.seed) == ("inpainting", 1.0, 2, 7)
    assert (image.mode, image.size, image.getpixel((5, 5))) == ("RGB", (128, 64), (255, 165, 0))
    assert (mask.mode, mask.getbbox()) == ("L", (0, 0, 32, 32))
    assert (len(answer.data), answer.size) == (2, "128x64")
    assert answer.usage.input_tokens_details.image_tokens == 8 * 4


def test_an_edit_without_a_mask_draws_all_of_it_anew(client, drawn):
    """Options come beside, as texts of a form; an image of another size is scaled."""
    client.images.edit(
        image=("fox.png", png((256, 128))),
        prompt="a red fox",
        size="128x64",
        output_format="webp",
        output_compression=80,
        extra_body={"strength": 0.3, "num_inference_steps": 5, "negative_prompt": None},
    )
    ((request, image, mask),) = drawn
    assert (request.task, request.strength, request.num_inference_steps) == ("image_to_image", 0.3, 5)
    assert (image.size, mask) == ((128, 64), None)


def test_a_list_of_one_image(client, drawn):
    """The client then calls the part `image[]`."""
    client.images.edit(image=[png()], prompt="a red fox")
    assert drawn[0][0].task == "image_to_image"


def test_an_edit_in_json(http, drawn):
    """The other body: pictures by address."""
    body = {"prompt": "a fox", "images": [{"image_url": data_url(png())}], "mask": {"image_url": data_url(mask_png())}}
    answer = http.post("/v1/images/edits", json=body | {"strength": 0.9})
    assert answer.status_code == 200, answer.text
    assert drawn[0][0].strength == 0.9
    assert drawn[0][2].getbbox() == (0, 0, 32, 32)


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # OpenAI has no such model any more
def test_a_variation(client, drawn):
    """An image without a prompt."""
    answer = client.images.create_variation(image=png(), n=2, size="128x64", response_format="b64_json")
    ((request, image, mask),) = drawn
    assert (request.prompt, request.strength, request.num_images) == ("", 0.6, 2)
    assert (image.size, mask) == ((128, 64), None)
    assert [image.url for image in answer.data] == [None, None]


def test_a_job_after_a_picture(http, drawn):
    """The jobs door takes addresses, and shows digests."""
    body = {"prompt": "a fox", "image": data_url(png()), "mask": data_url(mask_png())}
    job = http.post("/v1/jobs", json=body, headers={"Prefer": "wait=5"}).json()
    assert (job["status"], job["request"]["strength"]) == ("succeeded", 1.0)
    assert f"inputs/{job['request']['image_sha256']}.png" == drawn[0][0].image
    assert "base64" not in str(job)


def test_the_size_follows_the_picture(http, drawn):
    """Where no size is named, the picture's own is drawn, if the model can."""
    http.post("/v1/jobs", json={"prompt": "", "image": data_url(png((96, 160)))}, headers={"Prefer": "wait=5"})
    assert (drawn[0][0].width, drawn[0][0].height) == (96, 160)


def test_the_same_picture_again_is_the_same_job(http, worker):
    """An idempotency key covers the pictures."""
    keyed = {"headers": {"Idempotency-Key": "k"}}
    first = http.post("/v1/jobs", json={"prompt": "a fox", "image": data_url(png())}, **keyed)
    again = http.post("/v1/jobs", json={"prompt": "a fox", "image": data_url(png())}, **keyed)
    other = http.post("/v1/jobs", json={"prompt": "a fox", "image": data_url(png(color="blue"))}, **keyed)
    assert first.json()["id"] == again.json()["id"]
    assert other.status_code == 422


def test_a_dry_run_stores_nothing(http, settings):
    """A picture is checked, and left."""
    body = {"prompt": "a fox", "image": data_url(png(color="teal"))}
    answer = http.post("/v1/jobs?dry_run=true", json=body)
    assert answer.json()["request"]["strength"] == 0.6, answer.text
    stored = {path.name for path in (settings.data_dir / "objects").rglob("*.png")}
    http.post("/v1/jobs", json=body)
    assert {path.name for path in (settings.data_dir / "objects").rglob("*.png")} != stored


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"image": b"GIF89a"}, "image"),
        ({"image": png((128, 128))}, "image"),
        ({"image": [png(), png()]}, "image"),
        ({"mask": png()}, "mask"),
        ({"mask": mask_png((64, 64))}, "mask"),
        ({"prompt": " "}, "prompt"),
        ({"n": 11}, "n"),
        ({"n": 5}, "n"),
        ({"size": "100x50"}, "size"),
        ({"quality": "high"}, "quality"),
        ({"background": "transparent"}, "background"),
        ({"extra_body": {"strength": 0.05}}, "strength"),
        ({"extra_body": {"strength": "much"}}, "strength"),
        ({"extra_body": {"input_fidelity": "high"}}, "input_fidelity"),
        ({"extra_body": {"colour": "red"}}, "colour"),
    ],
)
def test_an_edit_that_cannot_be_honoured_is_refused_by_name(client, changes, param):
    """The client raises its own class for a bad request, with the field and the message."""
    wanted = {"image": png(), "prompt": "a red fox", "size": "128x64"} | changes
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(**wanted)
    assert caught.value.param == param
    assert caught.value.body["message"] in str(caught.value)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"images": [{"file_id": "file-1"}]}, "images"),
        ({"images": []}, "images"),
        ({"images": [{"image_url": data_url(png())}] * 2}, "images"),
        ({"images": [{"image_url": "data:image/png;base64,%%%"}]}, "images"),
        ({"images": [{"image_url": "data:text/html;base64,AAAA"}]}, "images"),
        ({"images": [{"image_url": "http://127.0.0.1/x.png"}]}, "images"),
        ({"images": [{"image_url": "file:///etc/passwd"}]}, "images"),
        ({"images": [{"image_url": data_url(png())}], "mask": {"image_url": data_url(b"x")}}, "mask"),
        ({}, "images"),
    ],
)
def test_a_json_edit_that_cannot_be_honoured_is_refused_by_name(http, body, param):
    """Addresses lead to pictures, and nowhere near this service."""
    answer = http.post("/v1/images/edits", json={"prompt": "a fox"} | body)
    assert (answer.status_code, answer.json()["param"]) == (400, param), answer.text


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"mask": data_url(mask_png())}, "mask"), ({"strength": 0.5}, "strength"), ({"prompt": ""}, "prompt")],
)
def test_a_job_needs_an_image_for_its_mask_and_strength(http, fields, param):
    """Nothing is accepted and ignored."""
    answer = http.post("/v1/jobs", json={"prompt": "a fox"} | fields)
    assert (answer.status_code, answer.json()["param"]) == (400, param)


def test_a_variation_takes_no_prompt(http):
    """It would change nothing, so it is refused."""
    answer = http.post("/v1/images/variations", data={"prompt": "a fox"}, files={"image": png()})
    assert (answer.status_code, answer.json()["param"]) == (400, "prompt")


def test_forms_are_bounded(http):
    """A form beyond the limit is refused, whether its length is announced or not."""

    def endless():
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        yield from (b"x" * 1000 for _ in range(40))

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    for content in (b"x" * 20_001, endless()):
        answer = http.post("/v1/images/edits", content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Content-Type": "text/plain"}, 415), ({"Content-Type": "multipart/form-data"}, 400), ({}, 415)],
)
def test_a_body_that_is_neither_form_nor_json(http, headers, status):
    """The error says what is read."""
    assert http.post("/v1/images/edits", content=b"x", headers=headers).status_code == status


def test_a_refused_edit_is_counted(http, counted):
    """Operators see refusals of forms as of any other body."""
    http.post("/v1/images/edits", data={"prompt": "a fox"}, files={"image": b"x"})
    assert counted('easel_jobs_refused_total{code="invalid_image"}') == 1


async def test_the_asynchronous_client(http, drawn):
    """Edits work the same way without threads."""
    async with openai.AsyncOpenAI(base_url=f"{http.base_url}/v1", api_key="unused") as client:
        answer = await client.images.edit(image=png(), prompt="a red fox")
    assert answer.data[0].url
