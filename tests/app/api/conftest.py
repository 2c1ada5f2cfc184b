"""A gateway on loopback behind a real Redis, and a worker whose every move the test decides."""

import asyncio
import contextlib
import io
import os
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest
import uvicorn
from PIL import Image

from app.announcements import ModelProfile, announce
from app.main import create_app
from app.messages import JobError, Outcome, StoredImage, WorkerAnnouncement
from app.redis_connections import sync_redis
from app.settings import Settings
from app.storage import folder_of_job, open_store
from models.interface import Capabilities, Range
from tests.conftest import free_port, wait_until
from workers.claims import Claims, Ending
from workers.paces import PaceSample

CAPABILITIES = Capabilities(
    sizes=(),
    size_multiple=8,
    min_side=64,
    max_side=512,
    default_size=(128, 64),
    max_images=4,
    max_prompt_characters=500,
    options={
        "num_inference_steps": Range(minimum=1, maximum=50, default=20),
        "guidance_scale": Range(minimum=1, maximum=30, default=7.5),
    },
    batch_by=("width", "height"),
    image_to_image=True,
    inpainting=True,
    variations=True,
    strength=Range(minimum=0.1, maximum=1, default=0.6),
)
CATALOG = """
default = "card"
[aliases]
"dall-e-3" = "card"
[models.card]
family = "testcard"
[models.absent]
family = "testcard"
"""


class HandWorker:
    """A worker in the eyes of Redis; it draws black squares, when it is told to."""

    name = "hand"

    def __init__(self, client, store):
        self._client = client
        self._store = store
        self._claims = Claims(client, self.name, 3600)

    def announce(self, **details):
        """Register, and say what the model can do."""
        self._client.sadd("rq:workers", f"rq:worker:{self.name}")
        self._client.hset(f"rq:worker:{self.name}", "birth", "now")
        said = WorkerAnnouncement(worker=self.name, models=("card",), device="cpu", dtype="float32", **details)
        announce(self._client, said, {"card": ModelProfile(CAPABILITIES, "r1")})

    def leave(self):
        """Be gone, as a worker is whose lease ran out."""
        self._client.delete(f"rq:worker:{self.name}")

    def learn(self, kind, seconds):
        """Have drawn an image of this kind."""
        self._claims.learn([PaceSample("card", kind, 1, seconds, seconds)])

    def claim(self):
        """Take the jobs that wait, as soon as there is one."""
        while not (claim := self._claims.claim({"card": 8}, max_wait_seconds=0)).jobs:
            time.sleep(0.005)
        return claim.jobs

    def draw(self):
        """Claim a batch and let it succeed."""
        self.succeed(self.claim())

    @contextlib.contextmanager
    def drawing(self):
        """Let every job succeed, as it comes."""
        ending = threading.Event()

        def draw():
            while not ending.wait(0.005):
                if jobs := self._claims.claim({"card": 8}, max_wait_seconds=0).jobs:
                    self.succeed(jobs)

        thread = self.soon(draw)
        try:
            yield
        finally:
            ending.set()
            thread.join()

    def succeed(self, jobs):
        """Let claimed jobs succeed."""
        self.commit({job: Outcome(images=self._store_images(job), model_revision="r1") for job in jobs})

    def fail(self, code="out_of_memory"):
        """Claim a batch and let it fail."""
        error = JobError(code=code, message="the model could not draw this")
        self.commit({job: Outcome(error=error) for job in self.claim()})

    def soon(self, action):
        """Do something while the test waits for an answer."""
        thread = threading.Thread(target=action)
        thread.start()
        return thread

    def commit(self, outcomes):
        """End jobs."""
        return self._claims.commit([Ending(job, outcome) for job, outcome in outcomes.items()])

    def _store_images(self, job):
        request, kind = job.message.request, job.message.output_format
        data = io.BytesIO()
        Image.new("RGB", (request.width, request.height)).save(data, kind)
        images = []
        for index in range(request.num_images):
            key = f"{folder_of_job(job.id)}/{index}.{kind}"
            self._store.put(key, data.getvalue(), f"image/{kind}")
            facts = {"sha256": "0" * 64, "bytes": len(data.getvalue()), "content_type": f"image/{kind}"}
            size = {"width": request.width, "height": request.height}
            images.append(StoredImage(key=key, seed=request.seed + index, **size, **facts))
        return tuple(images)


class LoopbackServer:
    """The application in uvicorn, on a port of its own, in a thread."""

    def __init__(self, app):
        self.app = app
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1, lifespan="on")
        )
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve([self._socket])))

    def __enter__(self):
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.005)
        return self

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


@pytest.fixture(scope="module")
def settings(redis_process, tmp_path_factory):
    """The gateway's settings, with a list of models of the tests' own."""
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "models.toml").write_text(CATALOG)
    return Settings(
        redis_url=redis_process.url,
        data_dir=folder,
        models_file=folder / "models.toml",
        max_body_bytes=20_000,
        max_upload_bytes=20_000,
    )


@pytest.fixture(scope="module")
def serve():
    """A function that runs a gateway with other settings."""
    return lambda settings: LoopbackServer(create_app(settings))


@pytest.fixture(scope="module")
def server(settings, serve):
    """The running gateway; it keeps nothing of a test but its counters."""
    with serve(settings) as server:
        yield server


@pytest.fixture
def worker(redis_server, settings):
    """A live worker with the model `card`, and no jobs."""
    with sync_redis(settings) as client:
        worker = HandWorker(client, open_store(settings))
        worker.announce()
        yield worker


@pytest.fixture
def http(server, worker):
    """A client of the gateway."""
    with httpx.Client(base_url=server.url, timeout=10) as client:
        yield client


@pytest.fixture
def counted(http):
    """A function that tells by how much a counter has grown in this test."""

    def value(series):
        lines = http.get("/metrics").text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(series + " ")), 0.0)

    before = http.get("/metrics").text.splitlines()
    start = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in before if not line.startswith("#")}
    return lambda series: value(series) - start.get(series, 0.0)


@pytest.fixture
def start_gateway(settings, worker, tmp_path):
    """Start `easel gateway` with its log in a file; everything is logged that can be."""
    started, clients = [], []

    def start(**environment):
        port, log = free_port(), tmp_path / "log"
        given = {
            "EASEL_REDIS_URL": settings.redis_url,
            "EASEL_DATA_DIR": str(settings.data_dir),
            "EASEL_MODELS_FILE": str(settings.models_file),
            "EASEL_LOG_LEVEL": "debug",
        }
        command = [sys.executable, "-m", "app", "gateway", "--port", str(port)]
        with log.open("w") as file:
            started.append(subprocess.Popen(command, env=os.environ | given | environment, stdout=file, stderr=file))
        wait_until(lambda: b"Uvicorn running" in log.read_bytes(), seconds=30)
        clients.append(httpx.Client(base_url=f"http://127.0.0.1:{port}"))
        return clients[-1], log, started[-1]

    yield start
    for client in clients:
        client.close()
    for process in started:
        process.kill()
        process.wait()
