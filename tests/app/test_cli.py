"""What the command says when it cannot do what it was asked."""

import os
import subprocess
import sys

import pytest


def easel(*arguments, without="", **environment):
    """Run the command in a Python that lacks a package; what it printed is one string."""
    code = f"import sys; sys.modules[{without!r}] = None; from app.cli import main; main()"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


def test_training_needs_an_extra(tmp_path):
    """Where the packages for training are missing, the command names the extra instead of failing inside."""
    done = easel("train", "gan", "--out", str(tmp_path / "run"), without="matplotlib")
    assert done.returncode == 1
    assert done.stderr == "error: matplotlib is not installed; to train and judge models: pip install 'easel[train]'\n"


def test_a_server_that_is_not_there_is_one_line():
    """A client without a server is told what to start."""
    done = easel("models", "--server", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "start one with `easel run`" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("part", ["gateway", "worker"])
def test_a_mistake_in_the_list_of_models_is_one_line(tmp_path, part):
    """Gateway and worker end with file, table and key of the mistake, and without a traceback."""
    models = tmp_path / "models.toml"
    models.write_text('default = "card"\n[models.card]\nfamily = "testcard"\nspeed = 1\n')
    done = easel(part, EASEL_MODELS_FILE=str(models))
    assert (done.returncode, done.stderr) == (1, f"error: {models}:4: [models.card] speed: unknown key\n")
