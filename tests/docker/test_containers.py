"""Dockerfiles and the Compose file, held against their linters, the settings, and a Redis that runs."""

import importlib.metadata
import os
import re
import shlex
import shutil
import subprocess

import pytest
import redis
import yaml

from app.embedded_redis import find_executable
from app.redis_connections import check, sync_redis
from app.settings import Settings
from tests.linters import ROOT, complaints, tool
from tests.processes import free_port, wait_until

DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
COMPOSE = ROOT / "docker-compose.yml"
SERVICES = yaml.safe_load(COMPOSE.read_text())["services"]
OURS = ("gateway", "worker", "worker-gpu")
PROOFS = {
    "gateway": "import app.main",
    "worker": """
import workers.worker
from models.gan.generator import GanGenerator
assert GanGenerator.from_pretrained("easel-gan").generate_image("A red house.", seed=1).std() > 20
""",
}
INSTALL_SECONDS = 900  # one or two minutes of work, but machines are shared


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_dockerfile_is_clean(path):
    """Hadolint, and shellcheck within it, find nothing to mend."""
    assert complaints(tool("hadolint"), path) == ""


def test_compose_file_keeps_to_the_specification():
    """The Compose specification's own schema accepts the file."""
    assert complaints(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", COMPOSE) == ""


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


def test_the_redis_of_the_compose_file_keeps_jobs(tmp_path):
    """A real Redis takes the file's configuration: the service may start on it, and only with the password."""
    content = yaml.safe_load(COMPOSE.read_text())["configs"]["redis"]["content"]
    (tmp_path / "redis.conf").write_text(content.replace("${REDIS_PASSWORD}", "secret"))
    port = free_port()
    command = [find_executable(), tmp_path / "redis.conf", "--port", str(port), "--dir", tmp_path]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        with sync_redis(Settings(redis_url=f"redis://:secret@127.0.0.1:{port}/0")) as client:
            wait_until(lambda: _answers(client))
            check(client)
            assert client.config_get("append*")["appendonly"] == "yes"
            assert client.info("memory")["maxmemory_policy"] == "noeviction"
        with sync_redis(Settings(redis_url=f"redis://127.0.0.1:{port}/0")) as stranger:
            assert not _answers(stranger)
        process.terminate()


def _answers(client):
    try:
        return client.ping()
    except redis.RedisError:
        return False


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


def lend_torch(target):
    """Let pip find PyTorch in place: the package is the same, and it is gigabytes."""
    torch = importlib.metadata.distribution("torch")
    (packages,) = target.glob("lib/python*/site-packages")
    for name in {file.parts[0] for file in torch.files} - {".."}:
        (packages / name).symlink_to(torch.locate_file(name))


@pytest.mark.timeout(INSTALL_SECONDS)
@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_image_installs(dockerfile, tmp_path):
    """The build stage's own commands, in a plain folder, give a gateway that starts or a worker that draws."""
    if not os.environ.get("CI"):
        pytest.skip("installs everything anew, a minute or two over the network; set CI=1 to run it")
    source, target, part = tmp_path / "src", tmp_path / "easel", dockerfile.name.partition(".")[0]
    source.mkdir()
    for name in installed_files(dockerfile):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    make_venv, *others = (step.replace("/opt/easel", shlex.quote(str(target))) for step in build_steps(dockerfile))
    subprocess.run(["bash", "-ec", make_venv], check=True)
    if part == "worker":
        lend_torch(target)
    for step in others:
        done = subprocess.run(["bash", "-ec", step], cwd=source, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    subprocess.run([target / "bin" / "python", "-c", PROOFS[part]], cwd=tmp_path, check=True)
