"""`easel run` as a person uses it: one command, a picture, Ctrl-C, and nothing lost or left behind."""

import re
import sys

import httpx
import psutil
import pytest

from tests.processes import RedisServer
from tests.system.running_easel import START_SECONDS, STOP_SECONDS

SLOW_CARD = """
default = "slow"
[models.slow]
family = "testcard"
seconds_per_image = 0.05
max_batch_size = 4
"""


@pytest.mark.timeout(300)
def test_the_first_picture_is_drawn_and_ctrl_c_leaves_nothing_behind(easel, folder):
    """The command prints a working address of its first picture, ends with 0, and all its processes end with it."""
    service = easel(folder / "data", "--draw", "a pink house")
    url = service.until_printed(r"picture (http://\S+)").group(1)
    assert httpx.get(url).headers["content-type"] == "image/png"
    assert service.interrupt() == 0
    assert [child for child in service.children if child.is_running()] == []
    assert len(service.children) >= 3


def test_what_is_queued_at_ctrl_c_is_drawn_after_the_next_start(easel, folder):
    """Fifty jobs, interrupted in the middle, all succeed in the end."""
    models = folder / "models.toml"
    models.write_text(SLOW_CARD)
    first = easel(folder / "data", "--models", models)
    url = first.url()
    ids = [httpx.post(f"{url}/v1/jobs", json={"prompt": f"picture {n}"}).json()["id"] for n in range(50)]
    assert first.interrupt() == 0
    second = easel(folder / "data", "--models", models)
    url = second.url()
    ends = [httpx.get(f"{url}/v1/jobs/{id_}", headers={"Prefer": "wait=20"}, timeout=30).json() for id_ in ids]
    assert {job["status"] for job in ends} == {"succeeded"}
    assert second.interrupt() == 0


def test_a_data_folder_serves_one_service_at_a_time(easel, folder, card):
    """A second service on the same folder is refused, and the first goes on."""
    first = easel(folder / "data", "--models", card)
    url = first.url()
    second = easel(folder / "data", "--models", card)
    assert second.process.wait(START_SECONDS) == 1
    assert "another Easel is using the data folder" in second.output.read_text()
    assert httpx.get(f"{url}/readyz").is_success


def test_a_worker_that_dies_is_started_again(easel, folder, card):
    """The supervisor replaces a killed worker, and the service draws again."""
    service = easel(folder / "data", "--models", card)
    url = service.url()
    worker = next(child for child in service.children if "workers" in child.cmdline())
    worker.kill()
    job = httpx.post(f"{url}/v1/jobs", json={"prompt": "still here"}).json()
    job = httpx.get(f"{url}/v1/jobs/{job['id']}", headers={"Prefer": "wait=40"}, timeout=60).json()
    assert job["status"] == "succeeded"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
def test_nothing_outlives_a_killed_supervisor(easel, folder, card):
    """After SIGKILL of the command its Redis, gateway and workers end by themselves, and the folder is free again."""
    service = easel(folder / "data", "--models", card)
    service.url()
    service.process.kill()
    service.process.wait()
    assert psutil.wait_procs(service.children, timeout=STOP_SECONDS)[1] == []
    assert easel(folder / "data", "--models", card).url()


def test_a_path_too_long_for_a_socket_is_named(easel, folder):
    """A data folder that cannot hold the embedded queue's socket is refused with the setting's name."""
    service = easel(folder / ("long" * 30) / "data")
    assert service.process.wait(START_SECONDS) == 1
    assert "EASEL_DATA_DIR" in service.output.read_text()


def test_a_redis_that_would_drop_jobs_ends_it_at_once(easel, folder, card):
    """Nothing is started on it, and the setting that it needs is named."""
    server = RedisServer(folder, "--maxmemory-policy", "allkeys-lru")
    server.start()
    service = easel(folder / "data", "--models", card, EASEL_REDIS_URL=server.url)
    code = service.process.wait(START_SECONDS)
    server.kill()
    assert (code, "maxmemory-policy noeviction, not allkeys-lru" in service.output.read_text()) == (1, True)


def test_a_wrong_list_of_models_ends_it_with_the_mistakes(easel, folder):
    """Nothing is started; each mistake is told with file, line and key, and the exit code is 1."""
    models = folder / "models.toml"
    models.write_text('default = "none"\n[models.card]\nfamily = "testcard"\nspeed = 1\n')
    service = easel(folder / "data", "--models", models)
    assert service.process.wait(START_SECONDS) == 1
    assert service.output.read_text().splitlines() == [
        f"error: {models}:4: [models.card] speed: unknown key",
        f"{models}:1: default: must be the id of a model, not 'none'",
    ]


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("EASEL_BLOCKLIST_FILE", "{list}", "error: {list}:2: unterminated character set at position 0"),
        ("EASEL_MODERATION_CHECK", "none.at:all", "error: EASEL_MODERATION_CHECK=none.at:all is not to be found: .*"),
    ],
)
def test_a_wrong_setting_ends_it_at_once(easel, folder, card, variable, value, reason):
    """What would make gateway or worker end again and again is told in one line, and nothing is started."""
    listed = folder / "list"
    listed.write_text("cat\n/[/\n")
    service = easel(folder / "data", "--models", card, **{variable: value.format(list=listed)})
    assert service.process.wait(START_SECONDS) in {1, 2}
    (line,) = service.output.read_text().splitlines()
    assert re.fullmatch(reason.format(list=re.escape(str(listed))), line), line
