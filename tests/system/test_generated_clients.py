"""Clients generated from a running service's OpenAPI document: made without a warning, typed, and drawing."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.node import NODE, NODE_MODULES
from tests.pages import ADDRESS, examples

HERE = Path(__file__).parent
PYTHON_GENERATOR = Path(sys.prefix) / "openapi-python-client"
TOLD = [
    {"call": "submit_job", "status": "succeeded", "type": "image/png"},
    {"call": "list_jobs", "same": True},
    {"call": "refused", "code": "unsupported_size", "param": "size"},
    {"call": "vary_image", "images": 2},
]


def page_example(language, folder, url):
    """Write the page's example into a file."""
    ((_, code),) = examples("clients", language)
    path = folder / f"page.{language}"
    path.write_text(code.replace(ADDRESS, url))
    return path


def run(*command, **environment):
    """Run a command to its good end and return what it has printed."""
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.skipif(not PYTHON_GENERATOR.exists(), reason="openapi-python-client is missing (make test installs it)")
def test_a_generated_python_client_draws(service_url, tmp_path):
    """The generator warns of nothing, mypy finds nothing in what it made, and typed programs draw with it."""
    script = shutil.copy(HERE / "generated_client.py", tmp_path)
    page = page_example("python", tmp_path, service_url)
    options = ["--meta", "none", "--fail-on-warning", "--output-path", tmp_path / "easel_client"]
    generator = {"PYTHONPATH": str(PYTHON_GENERATOR), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    address = f"{service_url}/openapi.json"
    run(sys.executable, "-m", "openapi_python_client", "generate", "--url", address, *options, **generator)
    parts = [tmp_path / "easel_client" / part for part in ("api", "models")]  # the rest is the same for every service
    types = ["--strict", "--config-file=", "--follow-imports=silent", "--cache-dir", tmp_path / "cache"]
    run(sys.executable, "-m", "mypy", *types, script, page, *parts, MYPYPATH=str(tmp_path))
    assert list(map(json.loads, run(sys.executable, script, service_url).splitlines())) == TOLD
    assert "/files/images/" in run(sys.executable, page)


@pytest.mark.skipif(not NODE_MODULES.exists(), reason="openapi-typescript is missing (make test installs it)")
def test_generated_typescript_types_hold(service_url, tmp_path):
    """The generator warns of nothing, and typed programs compile under `tsc --strict` and draw."""
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    script = shutil.copy(HERE / "generated_client.ts", tmp_path)
    page = page_example("ts", tmp_path, service_url)
    types = ["-o", tmp_path / "easel.d.ts"]
    said = run(NODE, NODE_MODULES / ".bin/openapi-typescript", f"{service_url}/openapi.json", *types)
    assert "warn" not in said.lower()
    strict = ["--strict", "--noEmit", "--allowImportingTsExtensions", "--module", "nodenext", "--lib", "es2022,dom"]
    run(NODE, NODE_MODULES / ".bin/tsc", *strict, script, page)
    assert list(map(json.loads, run(NODE, script, service_url).splitlines())) == TOLD
    assert "/files/images/" in run(NODE, page)
