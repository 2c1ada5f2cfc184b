"""Long runs of made-up requests against a service of its own, open and with keys: `make fuzz`.

python -m tests.system.fuzz --max-examples 500 --seeds 2 3 4
"""

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from tests.system.running_easel import RunningEasel

ROOT = Path(__file__).parent.parent.parent
OPERATORS_KEY = "operators-own-key"
MODELS = """
default = "card"
[aliases]
"dall-e-3" = "card"
[models.card]
family = "testcard"
"""
CONFIGURATIONS = {"open": "schemathesis.toml", "keys": "schemathesis-keys.toml"}
PIXEL_STEPS = "6000000"  # drawn in a tenth of a second: most requests shall not wait for pictures


@contextmanager
def service(folder, access):
    """Run a service in a folder; yields its address."""
    (folder / "models.toml").write_text(MODELS)
    settings = {
        "EASEL_ACCESS": access,
        "EASEL_MAX_PIXEL_STEPS": PIXEL_STEPS,
        "EASEL_WEBHOOK_SECRET": f"whsec_{base64.b64encode(bytes(32)).decode()}",
    }
    if access == "keys":
        settings["EASEL_OPERATOR_KEY"] = OPERATORS_KEY
    easel = RunningEasel(folder / "data", "--models", folder / "models.toml", **settings)
    try:
        yield easel.url()
    finally:
        easel.interrupt()


def tenants_key(folder):
    """Make a tenant and return its key."""
    command = [sys.executable, "-m", "app", "keys", "create", "fuzz", "--json"]
    environment = os.environ | {"EASEL_DATA_DIR": str(folder / "data")}
    return json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)["key"]


def schemathesis_command(url, access, *options):
    """Return the command that asks a service, by the configuration for services that want keys, or for open ones."""
    main = ["-c", "from schemathesis.cli import schemathesis; schemathesis()"]
    return [sys.executable, *main, "--config-file", CONFIGURATIONS[access], "run", f"{url}/openapi.json", *options]


def ask(url, access, seed, max_examples, **keys):
    """Run schemathesis in all its phases; returns its exit code, which is 0 if every answer was right."""
    command = schemathesis_command(url, access, "--max-examples", str(max_examples), "--seed", str(seed))
    return subprocess.run(command, cwd=ROOT, env=os.environ | keys, check=False).returncode


def main():
    """Ask as the command line says; ends with 1 if any answer was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--max-examples", type=int, default=500, help="of each operation")
    parser.add_argument("--access", nargs="+", choices=CONFIGURATIONS, default=list(CONFIGURATIONS))
    given = parser.parse_args()
    codes = []
    for access in given.access:
        with tempfile.TemporaryDirectory(prefix="easel-fuzz-") as name, service(Path(name), access) as url:
            keys = {"FUZZ_TENANTS_KEY": tenants_key(Path(name)), "FUZZ_OPERATORS_KEY": OPERATORS_KEY}
            codes += [ask(url, access, seed, given.max_examples, **keys) for seed in given.seeds]
    sys.exit(any(codes))


if __name__ == "__main__":
    main()
