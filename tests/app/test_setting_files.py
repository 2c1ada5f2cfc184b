"""Settings that come from files, and how all of them are shown."""

import subprocess
import sys

import pydantic
import pytest

from app.setting_sheet import HIDDEN, setting_lines, unknown_variables, without_password
from app.settings import Settings


def test_a_file_gives_the_secret(monkeypatch, tmp_path):
    """The file's content, without the line's end, is the setting."""
    (tmp_path / "secret").write_text("hush hush\n")
    monkeypatch.setenv("EASEL_URL_SECRET_FILE", str(tmp_path / "secret"))
    assert Settings().url_secret.get_secret_value() == "hush hush"


def test_wrong_files_are_named_with_all_other_mistakes(monkeypatch, tmp_path):
    """A missing file, a setting said twice and a wrong value are one error with three names."""
    monkeypatch.setenv("EASEL_REDIS_URL_FILE", str(tmp_path / "absent"))
    monkeypatch.setenv("EASEL_URL_SECRET_FILE", str(tmp_path))
    monkeypatch.setenv("EASEL_URL_SECRET", "said before")
    monkeypatch.setenv("EASEL_DTYPE", "float8")
    with pytest.raises(pydantic.ValidationError) as caught:
        Settings()
    problems = {problem["loc"][0]: problem["msg"] for problem in caught.value.errors()}
    assert set(problems) == {"redis_url", "url_secret", "dtype"}
    assert "EASEL_REDIS_URL_FILE cannot be read" in problems["redis_url"]
    assert "EASEL_URL_SECRET and EASEL_URL_SECRET_FILE are both set" in problems["url_secret"]


def test_a_setting_that_is_a_file_keeps_its_name(monkeypatch, tmp_path):
    """`EASEL_MODELS_FILE` is the list of models, not a file that holds a setting `EASEL_MODELS`."""
    monkeypatch.setenv("EASEL_MODELS_FILE", str(tmp_path / "models.toml"))
    assert Settings().models_file == tmp_path / "models.toml"


def test_no_secret_is_shown(monkeypatch):
    """Secrets and the password of an address are hidden, and each line tells where it comes from."""
    monkeypatch.setenv("EASEL_REDIS_URL", "redis://easel:canary@redis:6379/0")
    monkeypatch.setenv("EASEL_S3_SECRET_ACCESS_KEY", "canary")
    lines = {line.variable: line for line in setting_lines(Settings())}
    assert lines["EASEL_REDIS_URL"].value == f"redis://easel:{HIDDEN}@redis:6379/0"
    assert lines["EASEL_S3_SECRET_ACCESS_KEY"].value == HIDDEN
    assert (lines["EASEL_REDIS_URL"].source, lines["EASEL_PORT"].source) == ("variable", "default")
    assert "canary" not in "".join(line.value for line in lines.values())


@pytest.mark.parametrize("text", ["redis://redis:6379/0", "redis://easel@redis/0", "8000", "unix:///tmp/redis.sock"])
def test_text_without_a_password_stays(text):
    """Only a password is hidden."""
    assert without_password(text) == text


def test_a_misspelt_variable_is_named():
    """A variable that nothing reads is reported with the one that was probably meant."""
    environment = {"EASEL_MAX_WAIT_SECOND": "1", "EASEL_ZZZZZZ": "1", "EASEL_PORT": "1", "EASEL_URL_SECRET_FILE": "x"}
    assert unknown_variables(environment) == {"EASEL_MAX_WAIT_SECOND": "EASEL_MAX_WAIT_SECONDS", "EASEL_ZZZZZZ": None}


def test_config_command_shows_settings(monkeypatch):
    """`easel config` lists the settings and warns of variables that are none."""
    monkeypatch.setenv("EASEL_PRT", "1")
    command = [sys.executable, "-c", "from app.cli import main; main()", "config"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "EASEL_LEASE_SECONDS" in done.stdout
    assert "EASEL_PRT is not a setting; did you mean EASEL_PORT?" in done.stderr


@pytest.mark.parametrize(("name", "value"), [("operator_key", "short"), ("device", "gpu"), ("device", "cuda:x")])
def test_a_value_that_no_process_could_use_is_refused(name, value):
    """It is named before anything is started."""
    with pytest.raises(pydantic.ValidationError) as caught:
        Settings(**{name: value})
    assert [problem["loc"] for problem in caught.value.errors()] == [(name,)]
