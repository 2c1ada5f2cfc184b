"""Schemathesis against a running service: every answer is one that the OpenAPI document declares."""

import os
import subprocess
import sys
from pathlib import Path

from app.main import create_app
from app.settings import Settings
from tests.app.api.conftest import CATALOG, LoopbackServer

ROOT = Path(__file__).parent.parent.parent


def test_made_up_requests_get_declared_answers(redis_server, tmp_path):
    """Requests made from the schema, and against it; 503 is right while no worker is there."""
    (tmp_path / "models.toml").write_text(CATALOG)
    settings = Settings(redis_url=redis_server.url, data_dir=tmp_path, models_file=tmp_path / "models.toml")
    with LoopbackServer(create_app(settings)) as server:
        command = [
            "-c",
            "from schemathesis.cli import schemathesis; schemathesis()",
            "run",
            f"{server.url}/openapi.json",
        ]
        options = [
            "--seed",
            "1",
            "--max-examples",
            "2",
            "--phases",
            "fuzzing",
            "--exclude-checks",
            "not_a_server_error",
        ]
        environment = os.environ | {"COLUMNS": "120"}
        done = subprocess.run(
            [sys.executable, *command, *options], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout
