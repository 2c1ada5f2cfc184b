"""`easel run` where other machines reach it: closed unless somebody has said otherwise, and silent on what is asked."""

import base64
import json
import os
import subprocess
import sys

import httpx
import openai
import pytest

from tests.app.api.pictures import png
from tests.processes import wait_until
from tests.system.running_easel import START_SECONDS

EVERYWHERE = ("--host", "0.0.0.0")  # noqa: S104 - this is what is tried
OPERATOR = "canary-of-the-operator"
FOX = {"prompt": "a red fox"}
CANARY = "canary-prompt"


def make_key(data_dir):
    """Make a key as an operator does beside the running service."""
    command = [sys.executable, "-m", "app", "keys", "create", "acme", "--json"]
    environment = os.environ | {"EASEL_DATA_DIR": str(data_dir)}
    made = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(made.stdout)["key"]


def draw(url, key=None):
    """Draw a picture and return the answer."""
    headers = {"Prefer": "wait=30"} | ({"Authorization": f"Bearer {key}"} if key else {})
    return httpx.post(f"{url}/v1/jobs", json=FOX, headers=headers, timeout=40)


def use_every_door(url, key):
    """Do what clients do, with a canary in every text that they may write; return the links to images."""
    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key=key) as client,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}", "Prefer": "wait=30"}, timeout=40) as http,
    ):
        wanted = {"prompt": CANARY, "metadata": {"name": CANARY}}
        job = http.post("/v1/jobs", json=wanted, headers={"Idempotency-Key": CANARY}).json()
        http.get(f"/v1/jobs/{job['id']}/events?previews=true")
        http.get(f"/v1/jobs?metadata=name:{CANARY}")
        http.post("/v1/jobs?dry_run=true", json=wanted)
        http.post("/v1/batches", json={"requests": [wanted]})
        http.post("/v1/jobs", json=wanted | {CANARY: CANARY})
        assert http.post(f"/v1/jobs?key={key}", json=wanted).status_code == 400
        http.post("/v1/jobs", json=wanted | {"image": f"data:image/png;base64,{CANARY}"})
        http.post("/v1/jobs", json=wanted | {"image": f"http://127.0.0.1/{CANARY}"})
        drawn = client.images.generate(prompt=CANARY, user=CANARY, n=2)
        edited = client.images.edit(image=png((128, 128)), prompt=CANARY, size="128x128")
        assert list(client.images.generate(prompt=CANARY, stream=True, partial_images=1))
        links = [*(image.url for image in (*drawn.data, *edited.data)), job["images"][0]["url"]]
        assert {http.get(link).status_code for link in links} == {200}
        assert http.get(links[0] + "0").status_code == 403
    return links


def test_nothing_is_served_until_somebody_decides(easel, folder, card):
    """Without a key and without a word, it ends at once, and says what can be done."""
    service = easel(folder / "data", "--models", card, *EVERYWHERE)
    assert service.process.wait(START_SECONDS) == 1
    said = service.output.read_text().splitlines()[-1]
    assert said.startswith("error: other machines can reach 0.0.0.0, and there is no API key yet.")
    assert "easel keys create TENANT" in said
    assert "EASEL_ACCESS=keys" in said


@pytest.mark.timeout(300)
def test_a_key_made_beside_the_closed_service_opens_it(easel, folder, card):
    """The greeting tells how to make one; from then on the service starts without a word, and asks everybody."""
    service = easel(folder / "data", "--models", card, "--draw", "a fox", *EVERYWHERE, EASEL_ACCESS="keys")
    url = service.url()
    service.until_printed(r"first picture failed: API key missing")
    service.until_printed(r"keys +EASEL_DATA_DIR=\S+/data \.venv/bin/easel keys create TENANT")
    assert draw(url).status_code == 401
    key = make_key(folder / "data")
    assert draw(url, key).json()["status"] == "succeeded"
    assert service.interrupt() == 0
    again = easel(folder / "data", "--models", card, "--draw", "a fox", *EVERYWHERE, EASEL_API_KEY=key)
    again.until_printed(r"saved +\S+first-picture.png")
    assert draw(again.url()).status_code == 401


@pytest.mark.timeout(300)
def test_what_clients_ask_for_is_in_no_log_trace_or_metric(easel, folder, card, collector):
    """Neither a prompt, nor a key that was accepted, nor a link's signature, at the level that logs everything."""
    told = {"EASEL_LOG_LEVEL": "debug", "EASEL_TRACE_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    guarded = {"EASEL_ACCESS": "keys", "EASEL_OPERATOR_KEY": OPERATOR}
    service = easel(folder / "data", "--models", card, **told, **guarded)
    url, key = service.url(), make_key(folder / "data")
    links = use_every_door(url, key)
    metrics = httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {OPERATOR}"}).text
    wait_until(lambda: len(collector.named("store")) >= 5, 20)
    assert service.interrupt() == 0
    written = {
        "log": service.output.read_text(),
        "log of Redis": (folder / "data" / "redis" / "redis.log").read_text(),
        "traces": "".join(map(str, collector.spans)),
        "metrics": metrics,
    }
    secrets = {key, key[3:], OPERATOR, CANARY, base64.b64encode(CANARY.encode()).decode()}
    secrets |= {link.partition("signature=")[2] for link in links}
    assert "" not in secrets
    assert [(place, secret) for place, text in written.items() for secret in secrets if secret in text] == []
    assert "/v1/images/edits" in written["log"]
    assert "easel_http_request_seconds" in metrics


def test_a_service_that_is_told_so_is_open(easel, folder, card):
    """Something else guards it then; operators' addresses stay closed."""
    url = easel(folder / "data", "--models", card, *EVERYWHERE, EASEL_ACCESS="open").url()
    assert draw(url).json()["status"] == "succeeded"
    assert httpx.get(f"{url}/metrics").status_code == 403
