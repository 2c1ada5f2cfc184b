"""What operators see of everybody's jobs and can do for failed ones, over HTTP and at the command line."""

import json
import os
import subprocess
import sys

import httpx
import pytest

from app.client import Client
from app.settings import Settings


def submit(http, prompt="a secret fox"):
    """Submit a job and return its id."""
    return http.post("/v1/jobs", json={"prompt": prompt}).json()["id"]


@pytest.fixture
def easel(server):
    """Run the command against the gateway and return what it said."""

    def run(*arguments):
        command = [sys.executable, "-m", "app", *arguments, "--server", server.url]
        wide = os.environ | {"COLUMNS": "200"}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=wide)

    return run


@pytest.fixture
def quarantined(http, worker):
    """The id of a job that has failed for good."""
    job_id = submit(http)
    worker.fail("quarantined")
    return job_id


def test_failed_jobs_are_listed_with_their_cause(http, quarantined):
    """Operators see whose job it was, how often it was tried and why it failed, and nothing of what was asked for."""
    submit(http)
    (job,) = http.get("/operations/jobs", params={"status": "failed"}).json()["data"]
    assert (job["id"], job["tenant"], job["model"], job["attempts"]) == (quarantined, "public", "card", 1)
    assert job["error"]["code"] == "quarantined"
    assert "secret" not in json.dumps(job)


def test_a_failed_job_gets_another_chance(http, worker, quarantined):
    """Queued again it may succeed like any other."""
    again = http.post(f"/operations/jobs/{quarantined}/requeue")
    assert (again.status_code, again.json()["status"], again.json()["error"]) == (200, "queued", None)
    worker.draw()
    assert http.get(f"/v1/jobs/{quarantined}").json()["status"] == "succeeded"


def test_only_failed_jobs_can_be_queued_again(http):
    """What waits, runs or has succeeded stays as it is; what is not there is not found."""
    refused = http.post(f"/operations/jobs/{submit(http)}/requeue")
    assert (refused.status_code, refused.json()["code"]) == (409, "job_not_failed")
    missing = http.post("/operations/jobs/job_none/requeue")
    assert (missing.status_code, missing.json()["code"]) == (404, "job_not_found")


@pytest.mark.parametrize(("query", "param"), [({"status": "lost"}, "status"), ({"limit": 0}, "limit"), ({"x": 1}, "x")])
def test_a_wrong_question_names_its_field(http, query, param):
    """As everywhere else."""
    refused = http.get("/operations/jobs", params=query)
    assert (refused.status_code, refused.json()["param"]) == (400, param)


def test_the_command_lists_failed_jobs(easel, http, quarantined):
    """A table for people."""
    waiting = submit(http)
    done = easel("jobs", "--failed")
    assert done.returncode == 0
    assert quarantined in done.stdout
    assert "quarantined: the model could not draw this" in done.stdout
    assert waiting not in done.stdout


def test_the_command_lists_all_jobs_for_programs(easel, http, quarantined):
    """One object a line, the newest first, and no more than asked for."""
    waiting = submit(http)
    lines = [json.loads(line) for line in easel("jobs", "--json").stdout.splitlines()]
    assert [(job["id"], job["status"]) for job in lines] == [(waiting, "queued"), (quarantined, "failed")]
    assert len(easel("jobs", "--json", "--limit", "1").stdout.splitlines()) == 1


def test_the_command_queues_a_failed_job_again(easel, http, quarantined):
    """It says how each job stands now; one that cannot be queued ends it with the reason."""
    assert easel("requeue", quarantined).stdout == f"{quarantined} queued\n"
    refused = easel("requeue", quarantined)
    assert (refused.returncode, "has not failed" in refused.stderr) == (1, True)


def test_the_command_refuses_a_contradiction(easel):
    """Failed jobs that have succeeded are nobody's wish."""
    assert easel("jobs", "--failed", "--status", "succeeded").returncode == 2


def test_operators_have_a_key_of_their_own(settings, serve, worker):
    """Nobody else sees everybody's jobs or queues one again; the command sends the key."""
    key = "operators-own-key"
    with serve(settings.model_copy(update={"operator_key": Settings(operator_key=key).operator_key})) as server:
        for call in (httpx.get, httpx.post):
            path = "/operations/jobs" if call is httpx.get else "/operations/jobs/x/requeue"
            assert call(server.url + path).status_code in {401, 403}
        with Client(server.url, key=key) as client:
            assert client.all_jobs()["data"] == []
