"""Schemathesis against a running service: every answer is one that the OpenAPI document declares."""

import subprocess

from tests.system.fuzz import ROOT, schemathesis_command


def test_made_up_requests_get_declared_answers(service_url):
    """Requests made from the schema, and against it; `make fuzz` makes many more."""
    options = ["--phases", "fuzzing", "--max-examples", "2", "--seed", "1"]
    command = schemathesis_command(service_url, "open", *options)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
