"""The tree of errors and its page in the documentation."""

import re
from pathlib import Path

import pytest

from app import errors
from workers import failures

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/errors.md").read_text()


def tree(kind=errors.EaselError):
    """The error and all below it, as far as they are in the one tree."""
    return [kind, *(one for child in kind.__subclasses__() if child.__module__ == "app.errors" for one in tree(child))]


def raised():
    """The errors that are raised as they are, with a code of their own."""
    groups = {errors.Unauthorized, errors.Forbidden, errors.Conflict, errors.Unprocessable, errors.Unavailable}
    return [kind for kind in tree() if kind not in groups | {errors.JobFailed}]


@pytest.mark.parametrize("kind", raised())
def test_each_error_is_documented(kind):
    """The page has status and code of every error."""
    assert f"| {kind.status} | `{kind.code}` | " in PAGE


def test_no_error_is_documented_that_does_not_exist():
    """The page has nothing else."""
    assert set(re.findall(r"^\| (\d{3}) \| `(\w+)`", PAGE, re.MULTILINE)) == {
        (str(kind.status), kind.code) for kind in raised()
    }


def test_each_error_of_a_job_is_documented():
    """Every code that a worker writes, or the gateway, is in the second table, and no other."""
    gateways = {"deadline_exceeded", "model_removed"}
    codes = set(re.findall(r"^([a-z_]+)  +", failures.__doc__, re.MULTILINE)) | {"internal_error"} | gateways
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == codes
    sources = "".join(path.read_text() for path in (ROOT / "workers").glob("*.py"))
    assert set(re.findall(r'JobError\(code="(\w+)"', sources)) <= codes


def test_the_tree_is_drawn_as_it_is():
    """The module's docstring names every class below the root."""
    drawn = re.findall(r"── (\w+)", errors.__doc__)
    assert drawn == [kind.__name__ for kind in tree()[1:]]


@pytest.mark.parametrize(
    "kind", {kind for kind in tree() if kind.status in {429, 503}} - {errors.BudgetSpent, errors.TooManyFiles}
)
def test_what_is_worth_another_try_says_so(kind):
    """Nothing forbids clients to come back to what is only away for a while."""
    assert kind.should_retry is not False
