"""The log of a real gateway process: a line for each request, and nothing that is the client's own."""

import json

import pytest

from tests.processes import wait_until

CANARY = "canary"


def use(http, worker):
    """Do what a client does, with a canary wherever the client may write."""
    job = http.post(
        "/v1/jobs", json={"prompt": f"{CANARY} fox", "num_images": 1}, headers={"Idempotency-Key": CANARY}
    ).json()
    worker.draw()
    (image,) = http.get(f"/v1/jobs/{job['id']}").json()["images"]
    assert http.get(image["url"]).status_code == 200
    http.post("/v1/jobs", json={"prompt": f"{CANARY} fox", CANARY: 1})
    http.post("/v1/jobs", content=f'{{"prompt": "{CANARY}"', headers={"Content-Type": "application/json"})
    http.get(f"/{CANARY}?key={CANARY}")
    http.get(f"/v1/jobs/{CANARY}")
    http.get(f"/files/{CANARY}?signature={CANARY}")
    http.post("/v1/jobs", json={"prompt": "a fox", "model": CANARY})
    return job, image


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_nothing_of_the_client_is_logged(start_gateway, worker, log_format):
    """No prompt, key, name, path or link is in the log, at any level."""
    http, log, _ = start_gateway(EASEL_LOG_FORMAT=log_format)
    _, image = use(http, worker)
    wait_until(lambda: log.read_text().count("request_id") == 9)  # the last line follows its answer
    text = log.read_text()
    assert CANARY not in text
    assert image["url"].partition("signature=")[2] not in text
    assert "Traceback" not in text


def test_each_request_is_one_line(start_gateway, worker):
    """A line of JSON tells route, status, time, request and job, and why it was refused."""
    http, log, process = start_gateway(EASEL_LOG_FORMAT="json")
    job, _ = use(http, worker)
    process.terminate()
    process.wait(10)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    submitted, _, _, refused, *_ = (line for line in lines if line["event"] == "request")
    assert (submitted["method"], submitted["route"], submitted["status"]) == ("POST", "/v1/jobs", 202)
    assert (submitted["job_id"], submitted["model"], submitted["duration_ms"] > 0) == (job["id"], "card", True)
    assert (refused["status"], refused["code"]) == (400, "invalid_request")
    assert {"event", "level", "timestamp"} <= set.intersection(*map(set, lines))
