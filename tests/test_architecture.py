"""The arrows between packages: workers → app → models, and a gateway without torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = {"models": {"app", "workers"}, "app": {"workers"}}
OUTSIDE_THINGS = {
    "boto3": "app/storage",
    "diffusers": "models/diffusers",
    "huggingface_hub": "models/hub",
    "rq": ("app/", "workers/"),
}


def imports(path: Path) -> set[str]:
    """Every module that a file names in an import, wherever it stands."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_import_points_back(package):
    """A package never imports one that stands above it."""
    offenders = {
        str(path.relative_to(ROOT)): found
        for path in (ROOT / package).rglob("*.py")
        if (found := imports(path) & FORBIDDEN[package])
    }
    assert offenders == {}


@pytest.mark.parametrize(("library", "place"), OUTSIDE_THINGS.items())
def test_each_outside_thing_has_one_place(library, place):
    """A library that talks to the outside is imported in its own module only."""
    files = [path for package in ("app", "workers", "models") for path in (ROOT / package).rglob("*.py")]
    users = [str(path.relative_to(ROOT)) for path in files if library in imports(path)]
    assert users
    assert [user for user in users if not user.startswith(place)] == []


def test_the_gateway_needs_no_torch():
    """Making the gateway imports neither torch nor diffusers, so its image stays small."""
    code = "import sys, app.main; sys.exit(bool({'torch', 'diffusers', 'transformers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
