"""Each file that is not Python is held against the linter of its kind; those of `docker/` have tests of their own."""

import json
import shutil
import subprocess
import tomllib

import pytest

from tests.linters import ROOT, complaints, tool

YAML_RULES = """
extends: default
rules: {document-start: disable, line-length: {max: 160}, braces: disable, comments: disable}
"""


def tracked(*patterns):
    """List the repository's files of a kind."""
    done = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


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
