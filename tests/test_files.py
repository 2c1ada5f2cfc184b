"""Each file that is not Python is held against the linter of its kind; those of `docker/` have tests of their own."""

import itertools
import json
import shutil
import subprocess
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.linters import ROOT, complaints, tool

YAML_RULES = """
extends: default
rules: {document-start: disable, line-length: {max: 160}, braces: disable, comments: disable}
"""


def tracked(*patterns):
    """List the repository's files of a kind."""
    return subprocess.check_output(["git", "ls-files", *patterns], cwd=ROOT, text=True).splitlines()


def test_shell_scripts():
    """Shellcheck finds nothing to mend."""
    assert complaints(tool("shellcheck"), ".ci/run", *tracked("*.sh")) == ""


def test_yaml_files():
    """Yamllint finds no doubtful value, no second key of the same name, no crooked indent."""
    assert complaints(tool("yamllint"), "--strict", "-d", YAML_RULES, *tracked("*.yml", "*.yaml")) == ""


def test_pages():
    """Rumdl finds no broken link between pages or to a heading, and no block of code without its language."""
    assert complaints(tool("rumdl"), "check", "--no-cache", *tracked("*.md")) == ""


def test_scripts_for_node():
    """Node can read them."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    assert [complaint for path in tracked("*.mjs") if (complaint := complaints("node", "--check", path))] == []


def test_json_and_toml_files():
    """Python's own parsers read them."""
    for path in tracked("*.json"):
        json.loads((ROOT / path).read_text())
    for path in tracked("*.toml"):
        tomllib.loads((ROOT / path).read_text())


def wanted(requirements, extras=("",)):
    """Name the packages that these requirements stand for on this machine, with what each of them needs in turn."""
    for requirement in map(Requirement, requirements):
        if not any(requirement.marker is None or requirement.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        yield canonicalize_name(requirement.name), tuple(requirement.extras) or ("",)


def test_every_package_is_pinned():
    """The lock holds all that an installation with every extra brings, in the version that is tested here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = dict(line.split("==") for line in (ROOT / "requirements.lock").read_text().split())
    locked = {canonicalize_name(name): version for name, version in pins.items()}
    todo = set(wanted([*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]))
    seen = set()
    while todo - seen:
        name, extras = package = (todo - seen).pop()
        seen.add(package)
        todo |= set(wanted(metadata.requires(name) or (), extras))
    found = {name: metadata.version(name).partition("+")[0] for name, _ in seen}
    assert {name: version for name, version in found.items() if locked.get(name) != version} == {}
