"""Batches whose requests bring pictures: each becomes its job's own input, within bounds that hold for all."""

import http.server
import ipaddress
import json
import random
import threading
from types import SimpleNamespace

import httpx
import pytest
from PIL import Image

from app.api.batch_pictures import BatchPictures
from app.errors import UrlUnreachable
from app.inputs import InputStore
from app.storage import open_store
from app.tenants.tenant import Tenant
from tests.app.api.pictures import data_url, encode, mask_png, png


class PictureServer(http.server.ThreadingHTTPServer):
    """Gives an orange picture at every address, and writes down who asked for what."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Answers)
        self.asked = []
        self.release = threading.Event()

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}/{path}"


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/slow":
            self.server.release.wait(10)
        data = noise(self.path) if self.path.startswith("/large") else png()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def pictures():
    """A server of pictures on loopback."""
    server = PictureServer()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def near(settings, serve, worker):
    """A client of a gateway that may fetch from loopback."""
    allowed = settings.model_copy(update={"outbound_private_networks": (ipaddress.ip_network("127.0.0.0/8"),)})
    with serve(allowed) as server, httpx.Client(base_url=server.url, timeout=20) as client:
        yield client


def noise(seed):
    """A picture of some 12 kB; two of them are more than these gateways read."""
    return encode(Image.frombytes("RGB", (64, 64), random.Random(seed).randbytes(64 * 64 * 3)))


def fox(**fields):
    """A request."""
    return {"prompt": "a fox"} | fields


def test_each_request_has_its_own_picture(http, worker, settings):
    """Pictures, masks and requests without either stand side by side, and each job is drawn from what it brought."""
    requests = [fox(image=data_url(png())), fox(image=data_url(png(color="teal")), mask=data_url(mask_png())), fox()]
    answer = http.post("/v1/batches", json={"requests": requests})
    assert answer.status_code == 202, answer.text
    jobs = {job.id: job.message.request for job in worker.claim()}
    drawn = [jobs[job["id"]] for job in answer.json()["jobs"]]
    assert [request.task for request in drawn] == ["image_to_image", "inpainting", "text_to_image"]
    assert len({request.image for request in drawn}) == 3
    assert open_store(settings).get(drawn[1].mask).startswith(b"\x89PNG")


def test_an_address_is_fetched_once(near, pictures):
    """A hundred requests after one picture ask its server for it once."""
    requests = [fox(image=pictures.url("fox"), seed=seed) for seed in range(5)] + [fox(image=pictures.url("other"))]
    assert near.post("/v1/batches", json={"requests": requests}).status_code == 202
    assert pictures.asked == ["/fox", "/other"]


def test_pictures_are_bounded_together(near, pictures):
    """Two pictures that are each allowed are too much for one batch; the second is named, and no job is made."""
    large = [fox(image=pictures.url(f"large-{number}")) for number in range(2)]
    assert near.post("/v1/batches", json={"requests": large[:1]}).status_code == 202
    refused = near.post("/v1/batches", json={"requests": [fox(), *large]}).json()
    assert (refused["code"], refused["param"]) == ("url_unreachable", "requests.2.image")
    assert "together" in refused["detail"]
    assert len(near.get("/v1/jobs").json()["data"]) == 1


async def test_pictures_are_fetched_in_bounded_time(settings, pictures):
    """An address that keeps silent ends the batch, not the gateway."""
    near = settings.model_copy(update={"outbound_private_networks": (ipaddress.ip_network("127.0.0.0/8"),)})
    inputs = InputStore(open_store(near), near)
    fetching = BatchPictures(SimpleNamespace(settings=near, inputs=inputs), Tenant(name="acme"), seconds=0.2)
    with pytest.raises(UrlUnreachable, match=r"may take 0\.2 s together"):
        await fetching.fetch(pictures.url("slow"), "image")
    await inputs.close()


def test_a_key_stands_for_the_pictures_too(http):
    """The same request again makes the same batch; another picture under the same key is refused."""
    key = {"Idempotency-Key": "pictures"}
    orange, teal = ({"requests": [fox(), fox(image=data_url(png(color=color)))]} for color in ("orange", "teal"))
    first, again = (http.post("/v1/batches", json=orange, headers=key).json()["id"] for _ in range(2))
    assert first == again
    assert http.post("/v1/batches", json=teal, headers=key).json()["code"] == "idempotency_key_reused"


def test_pictures_come_in_lines_too(http):
    """A body of lines may be as long as any that brings pictures."""
    line = json.dumps(fox(image=data_url(noise("large"))))
    answer = http.post("/v1/batches", content=line, headers={"Content-Type": "application/jsonl"})
    assert (answer.status_code, len(answer.json()["jobs"])) == (202, 1)
