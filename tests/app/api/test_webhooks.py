"""Webhooks over real HTTP: from the submission to the receiver, and what is refused."""

import base64
import ipaddress
import json

import httpx
import pytest
from standardwebhooks.webhooks import Webhook
from typer.testing import CliRunner

from app.cli import app
from app.settings import Settings
from tests.app.webhooks.conftest import receiver, running_receiver  # noqa: F401 - fixtures
from tests.conftest import wait_until
from tests.pages import examples, run_example

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


@pytest.fixture(scope="module")
def calling_server(settings, serve):
    """A gateway that delivers webhooks on this machine."""
    changes = {"webhook_secret": Settings(webhook_secret=SECRET).webhook_secret}
    networks = (ipaddress.ip_network("127.0.0.1/32"),)
    with serve(settings.model_copy(update=changes | {"outbound_private_networks": networks})) as server:
        yield server


@pytest.fixture
def calling(calling_server, worker):
    """A client of that gateway."""
    with httpx.Client(base_url=calling_server.url, timeout=10) as client:
        yield client


def submit(client, url):
    """Post a job with a webhook."""
    return client.post("/v1/jobs", json={"prompt": "a red fox", "webhook": {"url": url}})


def test_a_job_tells_of_its_end(calling, worker, receiver):  # noqa: F811
    """The receiver gets the job with links that work, and a signature that it can check."""
    job = submit(calling, f"{receiver.url}/200").json()
    worker.draw()
    wait_until(lambda: receiver.received)
    ((headers, body),) = receiver.received
    event = Webhook(SECRET).verify(body, headers)
    assert (event["type"], event["data"]["id"]) == ("job.succeeded", job["id"])
    assert calling.get(event["data"]["images"][0]["url"]).status_code == 200


CALLS = {
    "python": """
from pathlib import Path
print(receive(Path("body").read_bytes(), json.loads(Path("headers").read_text())))
""",
    "js": """
import fs from "node:fs";
console.log(receive(fs.readFileSync("body", "utf8"), JSON.parse(fs.readFileSync("headers"))));
""",
}


@pytest.mark.parametrize(("language", "code"), examples("webhooks", "python", "js"))
def test_the_receivers_of_the_page_check_events(calling, worker, receiver, tmp_path, language, code):  # noqa: F811
    """Each takes a real event and finds its picture."""
    submit(calling, f"{receiver.url}/200")
    worker.draw()
    wait_until(lambda: receiver.received)
    ((headers, body),) = receiver.received
    (tmp_path / "body").write_bytes(body)
    (tmp_path / "headers").write_text(json.dumps(dict(headers)))
    whole = "import json\n" * (language == "python") + code.replace("whsec_…", SECRET) + CALLS[language]
    assert "/files/images/" in run_example(language, whole, "", tmp_path)


def test_dead_letters_are_delivered_by_hand(calling, calling_server, worker, receiver):  # noqa: F811
    """A command lists what was given up and delivers it again."""
    submit(calling, f"{receiver.url}/410")
    worker.draw()
    wait_until(lambda: calling.get("/v1/webhooks/dead-letters").json()["data"])
    (letter,) = calling.get("/v1/webhooks/dead-letters").json()["data"]
    assert (letter["attempts"], letter["reason"], letter["url"]) == (1, "status 410", f"{receiver.url}/410")
    run = CliRunner().invoke
    assert letter["id"] in run(app, ["webhooks", "dead", "--server", calling_server.url]).stdout
    assert letter["id"] in run(app, ["webhooks", "redeliver", "--all", "--server", calling_server.url]).stdout
    wait_until(lambda: len(receiver.received) == 2)
    missing = calling.post("/v1/webhooks/dead-letters/msg_none/redeliver")
    assert (missing.status_code, missing.json()["code"]) == (404, "dead_letter_not_found")


def test_a_new_secret_is_accepted():
    """What the command makes is what the setting takes."""
    made = CliRunner().invoke(app, ["webhooks", "secret"]).stdout.strip()
    assert Settings(webhook_secret=made).webhook_secret.get_secret_value() == made


@pytest.mark.parametrize("secret", ["", "hush", "whsec_", "whsec_short", "whsec_" + "A" * 30 + "!!", "sec_" + "A" * 44])
def test_a_weak_secret_stops_the_start(secret):
    """Receivers could not check what it signs."""
    with pytest.raises(ValueError, match="whsec_ and the base64"):
        Settings(webhook_secret=secret)


@pytest.mark.parametrize(
    "webhook", ["http://x", {}, {"url": ""}, {"url": 1}, {"url": "http://x.example", "secret": "s"}]
)
def test_other_forms_are_refused(calling, webhook):
    """The field is named."""
    response = calling.post("/v1/jobs", json={"prompt": "a red fox", "webhook": webhook})
    assert (response.status_code, response.json()["param"]) == (400, "webhook")


@pytest.mark.parametrize(
    "url", ["ftp://x.example/", "http://10.0.0.1/", "http://u:p@x.example/", "http://169.254.169.254/"]
)
def test_urls_that_lead_inside_are_refused_at_once(calling, url):
    """Before a job is made."""
    response = submit(calling, url)
    assert (response.status_code, response.json()["code"], response.json()["param"]) == (
        400,
        "url_not_allowed",
        "webhook",
    )


def test_without_a_secret_webhooks_are_refused(http):
    """A service that cannot sign says so."""
    response = submit(http, "https://x.example/")
    assert (response.status_code, response.json()["code"]) == (400, "unsupported_option")
    assert "EASEL_WEBHOOK_SECRET" in response.json()["detail"]
