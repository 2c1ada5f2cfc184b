"""`easel models pull` and `verify`, as they are typed: what they print, and a list of models made of it."""

import os
import subprocess
import sys

import pytest

from models.catalog import load_catalog
from tests.models.contract.tiny_pipelines import save_stable_diffusion
from tests.models.hub.fake_hub import FakeHub, FakeRepository


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    hub = FakeHub()
    hub.repositories["easel/tiny-1.0"] = FakeRepository.of(save_stable_diffusion(tmp_path_factory.mktemp("tiny")))
    yield hub
    hub.stop()


@pytest.fixture
def easel(hub, tmp_path):
    def run(*arguments, without=""):
        code = f"import sys; sys.modules[{without!r}] = None; from app.cli import main; main()"
        environment = os.environ | {"HF_ENDPOINT": hub.url, "EASEL_DATA_DIR": str(tmp_path), "HF_HOME": str(tmp_path)}
        command = [sys.executable, "-c", code, "models", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    return run


def test_a_pulled_model_is_listed_by_copy_and_paste(easel, tmp_path):
    """What `pull` prints last is an entry of the list of models; again, it says that nothing has changed."""
    printed = easel("pull", "easel/tiny-1.0@main").stdout
    folder = tmp_path / "models" / "easel--tiny-1.0--0123456789ab"
    assert f"complete, and as the hub lists it: {folder}\n" in printed
    (tmp_path / "models.toml").write_text('default = "tiny-1.0"\n' + printed[printed.index("[models.") :])
    assert load_catalog(tmp_path / "models.toml").resolve(None).source == str(folder)
    assert f"unchanged: {folder}\n" in easel("pull", "easel/tiny-1.0").stdout


def test_verify_says_what_is_damaged(easel, tmp_path):
    """All pulled models are compared with their checksums; one that differs makes the exit code 1."""
    easel("pull", "easel/tiny-1.0")
    folder = tmp_path / "models" / "easel--tiny-1.0--0123456789ab"
    done = easel("verify")
    assert (done.returncode, done.stdout) == (0, f"ok             0.2 MB  {folder}\n")
    (folder / "model_index.json").write_text("{}")
    done = easel("verify", str(folder))
    assert (done.returncode, done.stdout) == (
        1,
        f"damaged        0.2 MB  {folder}\n        model_index.json: has changed\n",
    )


def test_what_fails_is_one_line(easel):
    """A name that leads nowhere, and a machine without the hub's library, are each told in one line."""
    done = easel("pull", "easel/nothing")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert "has no easel/nothing" in done.stderr
    done = easel("pull", "easel/tiny-1.0", without="huggingface_hub")
    assert done.stderr == "error: huggingface_hub is not installed; to pull models: pip install 'easel[worker]'\n"
