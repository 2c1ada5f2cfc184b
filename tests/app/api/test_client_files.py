"""Pictures that are uploaded once, through the unmodified `openai` client and over plain HTTP."""

import datetime as dt
import io

import openai
import pytest
from PIL import Image

from app.client_files import MOST_FILES, ClientFiles
from app.errors import FileNotFound, TooManyFiles
from app.inputs import InputStore
from app.storage import open_store
from tests.app.api.pictures import encode, mask_png, png


@pytest.fixture
def client(http):
    """The official client; only its address is changed."""
    with openai.OpenAI(base_url=f"{http.base_url}/v1", api_key="unused", max_retries=0) as client:
        yield client


def upload(http, data, **fields):
    """Upload a picture and return the answer."""
    return http.post("/v1/files", data={"purpose": "vision"} | fields, files={"file": data})


def opened(data):
    """A picture, decoded."""
    return Image.open(io.BytesIO(data))


def test_a_file_lives_from_its_upload_to_its_deletion(client):
    """The client uploads, reads, lists and deletes."""
    made = client.files.create(file=("house.png", png()), purpose="vision")
    assert (made.object, made.purpose, made.status) == ("file", "vision", "processed")
    assert made.expires_at - made.created_at == 86_400
    assert client.files.retrieve(made.id) == made
    assert [file.id for file in client.files.list()] == [made.id]
    content = client.files.content(made.id).content
    assert (len(content), opened(content).size) == (made.bytes, (128, 64))
    assert client.files.delete(made.id).deleted
    assert client.files.list().data == []
    for ask in (client.files.retrieve, client.files.delete, client.files.content):
        with pytest.raises(openai.NotFoundError) as refused:
            ask(made.id)
        assert refused.value.code == "file_not_found"


def test_only_pixels_are_kept(http):
    """A photograph is turned upright, and where it was taken is forgotten."""
    photo, exif = Image.new("RGB", (128, 64), "orange"), Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    exif[0x010E] = "canary"
    data = io.BytesIO()
    photo.save(data, "JPEG", exif=exif)
    made = upload(http, data.getvalue()).json()
    content = http.get(f"/v1/files/{made['id']}/content").content
    assert (opened(content).size, opened(content).format, b"canary" in content) == ((64, 128), "PNG", False)


def test_an_edit_names_files(http, worker):
    """Image and mask of OpenAI's JSON body; the drawn part is the one that the mask leaves transparent."""
    image, mask = (upload(http, data).json()["id"] for data in (png(), mask_png()))
    body = {"prompt": "a fox", "images": [{"file_id": image}], "mask": {"file_id": mask}}
    worker.soon(worker.draw)
    assert http.post("/v1/images/edits", json=body).json()["data"][0]["url"]


def test_jobs_and_batches_name_files_too(http, worker, settings):
    """What is drawn from a file is what would be drawn from its bytes, with the part that it leaves open."""
    picture = Image.new("RGBA", (128, 64), "teal")
    picture.paste((0, 0, 0, 0), (0, 0, 64, 64))
    file = upload(http, encode(picture)).json()["id"]
    fox = {"prompt": "a fox", "image": file}
    assert http.post("/v1/jobs", json=fox).status_code == 202
    assert http.post("/v1/batches", json={"requests": [fox, fox]}).status_code == 202
    http.delete(f"/v1/files/{file}")
    requests = [job.message.request for job in worker.claim()]
    ((task, mask_key),) = {(request.task, request.mask) for request in requests}
    mask = opened(open_store(settings).get(mask_key))
    assert (task, len(requests)) == ("inpainting", 3)
    assert (mask.getpixel((5, 5)), mask.getpixel((100, 5))) == (255, 0)


@pytest.mark.parametrize(
    ("data", "fields", "param"),
    [
        (b"GIF89a", {}, "file"),
        (png(), {"purpose": "assistants"}, "purpose"),
        (png(), {"expires_after[seconds]": "60"}, "expires_after[seconds]"),
        ([png(), png()], {}, "file"),
    ],
)
def test_what_cannot_be_kept_is_refused(http, data, fields, param):
    """The field is named, and nothing is kept."""
    files = [("file", one) for one in (data if isinstance(data, list) else [data])]
    refused = http.post("/v1/files", data={"purpose": "vision"} | fields, files=files)
    assert (refused.status_code, refused.json()["param"]) == (400, param)
    assert http.get("/v1/files").json()["data"] == []


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        ({"file_id": "file_0"}, "file_not_found"),
        ({"file_id": "house"}, "url_not_allowed"),
        ({"file_id": "file_0", "image_url": "https://x.example/"}, "invalid_request"),
        ({}, "invalid_request"),
    ],
)
def test_a_picture_is_one_that_exists(http, picture, code):
    """Either an address or a file, and one of one's own."""
    refused = http.post("/v1/images/edits", json={"prompt": "a fox", "images": [picture]}).json()
    assert (refused["code"], refused["param"]) == (code, "images")


async def test_files_are_bounded_and_end(async_client, settings):
    """A tenant has so many at most; one that has expired makes room, and is not found any more."""
    store = open_store(settings)
    inputs = InputStore(store, settings)
    files, now = ClientFiles(async_client, store, inputs, settings), dt.datetime.now(dt.UTC)
    made = [await files.create("acme", "vision", png((8, 8)), now) for _ in range(MOST_FILES)]
    with pytest.raises(TooManyFiles, match=f"you have {MOST_FILES} files"):
        await files.create("acme", "vision", png((8, 8)), now)
    await files.create("other", "vision", png((8, 8)), now)
    later = made[0].expires_at
    with pytest.raises(FileNotFound):
        await files.get(made[0].id, "acme", later)
    assert await files.create("acme", "vision", png((8, 8)), later) in await files.all("acme", later)
    assert len(await files.all("acme", later)) == 1
    await inputs.close()


def test_a_file_is_as_large_as_an_upload_may_be(http):
    """A longer body is refused before it is read."""
    refused = http.post("/v1/files", data={"purpose": "vision"}, files={"file": b"x" * 30_000})
    assert (refused.status_code, refused.json()["code"]) == (413, "payload_too_large")
