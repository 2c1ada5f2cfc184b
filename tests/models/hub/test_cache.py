"""Files that an entry names by a hub's id."""

import os
import subprocess
import sys

from tests.models.hub.fake_hub import FakeRepository

CACHED = """
import sys
from models.hub import HubError
from models.hub.cache import cached_file
for repo_id in sys.argv[1:]:
    try:
        print(cached_file(repo_id, "style.safetensors", None).read_bytes().decode())
    except HubError as error:
        print(error)
"""


def test_a_file_comes_from_the_hub_and_then_from_the_cache(hub, tmp_path):
    """What was fetched once is there when the hub is away; what there is not is told."""
    hub.repositories["easel/style"] = FakeRepository({"style.safetensors": b"weights"})
    environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path)}

    def ask(*repo_ids):
        command = [sys.executable, "-c", CACHED, *repo_ids]
        return subprocess.check_output(command, env=environment, text=True).splitlines()

    wrong = f"{hub.url} has no easel/nothing, or it is private: then set HF_TOKEN"
    assert ask("easel/style", "easel/nothing") == ["weights", wrong]
    hub.stop()
    assert ask("easel/style") == ["weights"]
