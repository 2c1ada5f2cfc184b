"""Dockerfiles and the Compose file, held against their linters and against the settings."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from app.settings import Settings

ROOT = Path(__file__).parent.parent.parent
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
COMPOSE = ROOT / "docker-compose.yml"
SERVICES = yaml.safe_load(COMPOSE.read_text())["services"]
OURS = ("gateway", "worker", "worker-gpu")
INSTALL_SECONDS = 900  # twenty seconds of work, but machines are shared


def tool(name):
    """Find a program that was installed with the tests' packages."""
    return str(Path(sys.executable).parent / name)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_dockerfile_is_clean(path):
    """Hadolint, and shellcheck within it, find nothing to mend."""
    done = subprocess.run([tool("hadolint"), str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_compose_file_keeps_to_the_specification():
    """The Compose specification's own schema accepts the file."""
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", [*DOCKERFILES, COMPOSE], ids=lambda path: path.name)
def test_each_variable_is_a_setting(path):
    """No variable is set that the service does not read."""
    assigned = set(re.findall(r"\bEASEL_(\w+)[=:] ?", path.read_text()))
    assert assigned <= {name.upper() for name in Settings.model_fields}


def test_compose_settings_are_valid(monkeypatch):
    """The environment of the Compose file makes valid settings: S3 behind a public address."""
    for name, value in SERVICES["gateway"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{(\w+)[^}]*\}", r"\1", value))
    settings = Settings()
    assert settings.storage == "s3"
    assert settings.s3_path_style
    assert settings.redis_url == "redis://:REDIS_PASSWORD@redis:6379/0"


def test_each_variable_of_the_compose_file_has_an_example():
    """Whatever must or may be filled in is listed in the example, or is an image."""
    used = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    listed = set(re.findall(r"^(\w+)=", (ROOT / "docker" / "env.example").read_text(), re.MULTILINE))
    assert {name for name in used if not name.endswith("_IMAGE")} == listed


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_do_little(name):
    """No capabilities, no new privileges, nothing written but `/tmp`."""
    service = SERVICES[name]
    assert service["read_only"]
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_workers_may_drain():
    """A container is given longer to stop than a worker takes to finish its batch."""
    grace = int(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))
    assert grace > Settings.model_fields["drain_seconds"].default


def installed_files(dockerfile):
    """Read which files the build stage copies."""
    lines = re.findall(r"^COPY (?!--)(.*)$", dockerfile.read_text(), re.MULTILINE)
    return [name for line in lines for name in line.split()[:-1]]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_build_context_holds_what_is_copied(path):
    """Every file that is copied exists and is let through by the image's own ignore list."""
    let_through = re.findall(r"^!(.+)$", path.with_name(f"{path.name}.dockerignore").read_text(), re.MULTILINE)
    assert sorted(let_through) == sorted(installed_files(path))
    assert [name for name in let_through if not (ROOT / name).exists()] == []


def build_steps(dockerfile):
    """Read the commands of the build stage."""
    stage = dockerfile.read_text().split("\nFROM ")[1].replace("\\\n", " ")
    return [re.sub(r"--mount=\S+", "", line) for line in re.findall(r"^RUN (.*)$", stage, re.MULTILINE)]


@pytest.mark.timeout(INSTALL_SECONDS)
def test_gateway_image_installs(tmp_path):
    """The build stage's own commands, in a plain folder, give a gateway that starts without PyTorch."""
    if not os.environ.get("CI"):
        pytest.skip("installs the gateway anew, a minute or two over the network; set CI=1 to run it")
    dockerfile, source, target = ROOT / "docker" / "gateway.Dockerfile", tmp_path / "src", tmp_path / "easel"
    source.mkdir()
    for name in installed_files(dockerfile):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    for step in build_steps(dockerfile):
        step_here = step.replace("/opt/easel", shlex.quote(str(target)))
        done = subprocess.run(["bash", "-ec", step_here], cwd=source, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    version = subprocess.run([target / "bin" / "easel", "--version"], cwd=tmp_path, capture_output=True, check=True)
    assert version.stdout.startswith(b"easel ")
