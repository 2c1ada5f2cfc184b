"""Jobs with a webhook, and a receiver that fails in every way."""

import base64
import contextlib
import http.server
import ipaddress
import threading
import time

import pytest
import pytest_asyncio
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from app.api.answers import LinkSigner
from app.messages import JobMessage, Outcome
from app.metrics import GatewayMetrics, new_registry
from app.new_jobs import JobTerms, WebhookTarget
from app.outbound import outbound_client
from app.queue_calls import QueueCalls
from app.settings import Settings
from app.storage import open_store
from app.webhooks.delivery import Deliveries
from app.webhooks.outbox import Outbox
from app.webhooks.secrets import WebhookSecrets
from models.interface import GenerationRequest
from workers.claims import Claims, Ending

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
MESSAGE = JobMessage(model="card", request=GenerationRequest(prompt="fox", width=8, height=8, seed=1))


class Receiver(http.server.ThreadingHTTPServer):
    """A client's server: it answers as the path says, and keeps what it was sent."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Answers)
        self.received = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """Say nothing of senders that leave early."""


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((dict(self.headers.items()), body))
        with contextlib.suppress(OSError):
            getattr(self, self.path[1:], self.status)()

    def status(self):
        self.send_response(int(self.path.rpartition("/")[2]))
        self.send_header("Location", "/200")
        self.send_header("Retry-After", "77")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def silent(self):
        time.sleep(1.5)

    def reset(self):
        self.connection.close()

    def slow(self):
        for character in b"HTTP/1.1 200 OK\r\n" * 10:
            self.wfile.write(bytes([character]))
            time.sleep(0.05)

    def endless(self):
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(b"x" * 1000)

    def endless_head(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            self.wfile.write(b"X-Filler: " + b"x" * 1000 + b"\r\n")

    def garbage(self):
        self.wfile.write(b"\x00\x01 this is not HTTP\r\n\r\n")

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="session")
def running_receiver():
    """One server for the session."""
    with Receiver() as receiver:
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield receiver
        receiver.shutdown()
        thread.join()


@pytest.fixture
def receiver(running_receiver):
    """The server, which has received nothing yet."""
    running_receiver.received.clear()
    return running_receiver


class Post:
    """An outbox, and jobs that end into it."""

    def __init__(self, queue, outbox, client, make_deliveries):
        self.queue, self.outbox, self.redis = queue, outbox, client
        self.deliveries = make_deliveries
        SimpleWorker(["card"], connection=client, name="w", serializer=JSONSerializer).register_birth()
        self._claims = Claims(client, "w", 3600)

    def submit(self, url="https://example.com/hook", **terms):
        """Queue a job with a webhook."""
        target = WebhookTarget(url, "http://gateway.test/")
        return self.queue.submit(MESSAGE, batch_key="a", cost=1.0, terms=JobTerms(webhook=target, **terms))

    def end(self, outcome=None):
        """Let the job that waits end."""
        (claimed,) = self._claims.claim({"card": 8}, max_wait_seconds=0).jobs
        return self._claims.commit([Ending(claimed, outcome or Outcome())])

    async def ended(self, url="https://example.com/hook"):
        """Return a job that has succeeded, whose event waits."""
        job = await self.submit(url)
        assert self.end() == ["committed"]
        return job

    async def attempt(self, url, seconds=10):
        """End a job with this webhook, make one attempt, and return the event's seconds until the next, if any."""
        await self.ended(url)
        (event,) = await self.outbox.take(10)
        await self.deliveries(seconds).deliver(event)
        return self.due_in(event)

    def due_in(self, event):
        """Seconds until an event's next attempt; None if there is none."""
        due = self.redis.zscore("easel:webhooks", event.id)
        seconds, micros = self.redis.time()
        return None if due is None else due - seconds - micros / 1e6

    def make_due(self, event):
        """Let the time of its next attempt be now."""
        self.redis.zadd("easel:webhooks", {event.id: 0})


@pytest_asyncio.fixture
async def post(job_queue, async_client, sync_client, settings):
    """All of it, with a gateway that may call this machine."""
    store, metrics = open_store(settings), GatewayMetrics(new_registry())

    def links(base_url):
        return LinkSigner(store=store, base_url=base_url, expires_seconds=60)

    outbox = Outbox(QueueCalls(async_client))
    secrets = WebhookSecrets(async_client, Settings(webhook_secret=SECRET))
    async with outbound_client([ipaddress.ip_network("127.0.0.1/32")]) as client:

        def deliveries(seconds=10):
            return Deliveries(outbox, job_queue, client, secrets, links, metrics, attempt_seconds=seconds)

        yield Post(job_queue, outbox, sync_client, deliveries)
