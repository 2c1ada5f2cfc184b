"""`easel keys` against a real Redis."""

import json

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.errors import EaselError
from app.settings import Settings


@pytest.fixture
def keys(settings):
    """A function that runs `easel keys` and returns what it printed."""

    def run(*arguments):
        done = CliRunner().invoke(app, ["keys", *arguments], obj=lambda: settings, env={"COLUMNS": "200"})
        if done.exception:
            raise done.exception
        return done.stdout

    return run


def test_a_key_is_shown_once(keys, sync_client):
    """It is printed when it is made; Redis and the list hold its hash and its id."""
    key, said = keys("create", "acme").splitlines()
    assert key.startswith("ek_")
    assert "not shown again" in said
    stored = str(sync_client.hgetall("easel:api-keys"))
    assert key not in stored + keys("list") + keys("list", "--json")
    assert said.split()[0] in keys("list")


def test_a_list_tells_limits_and_state(keys):
    """What was given is what is listed."""
    options = ["--requests-per-minute", "60", "--monthly-budget", "1000000", "--model", "easel-gan"]
    made = json.loads(keys("create", "acme", *options, "--expires-in-days", "0", "--json"))
    keys("create", "other")
    (listed, _) = json.loads(keys("list", "--json"))
    assert (listed["id"], listed["tenant"], listed["state"], listed["spent"]) == (made["id"], "acme", "expired", 0)
    assert listed["limits"]["models"] == ["easel-gan"]
    assert "60 requests/min, 1,000,000 pixel-steps/month, easel-gan" in keys("list")


def test_a_key_is_revoked(keys):
    """By its id, and for good."""
    made = json.loads(keys("create", "acme", "--json"))
    for _ in range(2):
        assert keys("revoke", made["id"]) == f"{made['id']} of acme is revoked\n"
    assert json.loads(keys("list", "--json"))[0]["state"] == "revoked"


@pytest.mark.parametrize(
    "arguments", [["create", "Acme Inc"], ["create", "a" * 64], ["create", "acme", "--model", "none"], ["revoke", "x"]]
)
def test_what_cannot_be_is_refused(keys, arguments):
    """The error says what is wrong."""
    with pytest.raises(EaselError):
        keys(*arguments)
    assert json.loads(keys("list", "--json")) == []


def test_without_an_address_the_running_service_is_meant(redis_process, tmp_path):
    """`easel keys` finds the Redis that `easel run` has started in the data folder."""
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "redis.sock").symlink_to(redis_process.url.removeprefix("unix://").partition("?")[0])
    done = CliRunner().invoke(app, ["keys", "list", "--json"], obj=lambda: Settings(data_dir=tmp_path))
    assert json.loads(done.stdout) == []
