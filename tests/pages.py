"""The examples on the documentation's pages, and how they are run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.node import NODE, NODE_MODULES

DOCS = Path(__file__).parent.parent / "docs"
ADDRESS = "http://127.0.0.1:8000"  # of the service in every example
COMMANDS = {"python": [sys.executable], "sh": ["sh"], "js": [NODE, "--experimental-eventsource"]}
A_PAGE = "globalThis.document = { querySelector: () => ({ set src(address) { console.log(address); } }) };\n"


def examples(page, *languages):
    """Return language and code of a page's examples, in their order."""
    found = re.findall(r"```(\w+)\n(.*?)```", (DOCS / f"{page}.md").read_text(), re.DOTALL)
    return [(language, code) for language, code in found if language in languages]


def run_example(language, code, url, folder, **environment):
    """Run an example in a folder, word for word but for the service's address; return what it shows."""
    if language == "js":
        if not NODE_MODULES.exists():
            pytest.skip("the packages of tests/javascript are missing (make test installs them)")
        (folder / "node_modules").symlink_to(NODE_MODULES)
    path = folder / {"python": "example.py", "sh": "example.sh", "js": "example.mjs"}[language]
    path.write_text((A_PAGE if "document." in code else "") + code.replace(ADDRESS, url))
    path_of_commands = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path_of_commands, "PYTHONWARNINGS": "ignore"} | environment
    done = subprocess.run(
        [*COMMANDS[language], path],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
