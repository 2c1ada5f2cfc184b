"""What the doctor finds, with a real Redis and a real S3."""

import time

import pytest

from app.clocks import skew_of_redis
from app.doctor import examine
from app.fleet import Fleet


def findings(settings, name):
    """Examine, and keep the findings of one kind."""
    return [finding for finding in examine(settings) if finding.name == name]


def test_a_sound_service_is_well(settings):
    """With Redis and storage in place nothing is to be mended but this Redis' missing append-only file."""
    wrong = [finding for finding in examine(settings) if not finding.ok]
    assert [finding.name for finding in wrong if "append-only" not in finding.detail] == []
    assert {finding.name for finding in examine(settings)} == {
        "settings", "redis", "clock", "storage", "models", "memory", "device",
    }  # fmt: skip


def test_a_redis_that_is_away(settings):
    """The address is named without its password, and the remedy names the setting."""
    away = settings.model_copy(update={"redis_url": "redis://easel:canary@127.0.0.1:1/0"})
    (finding,) = findings(away, "redis")
    assert "canary" not in finding.detail
    assert "EASEL_REDIS_URL" in finding.remedy


def test_a_redis_that_evicts(settings, sync_client):
    """A policy that may drop jobs is wrong, and the remedy says which one is right."""
    sync_client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        (finding,) = findings(settings, "redis")
    finally:
        sync_client.config_set("maxmemory-policy", "noeviction")
    assert finding.remedy == "set maxmemory-policy noeviction"


@pytest.mark.s3
def test_a_sound_bucket(s3_settings, settings):
    """An object travels there and back, and S3's clock is compared with ours."""
    s3 = s3_settings.model_copy(update={"redis_url": settings.redis_url})
    assert [finding.ok for finding in findings(s3, "storage")] == [True]
    assert [finding.ok for finding in findings(s3, "clock")] == [True, True]


@pytest.mark.s3
def test_a_bucket_that_is_missing(s3_settings, settings):
    """The finding names the bucket."""
    s3 = s3_settings.model_copy(update={"redis_url": settings.redis_url, "s3_bucket": "absent"})
    (finding,) = findings(s3, "storage")
    assert not finding.ok
    assert "bucket absent does not exist" in finding.detail


def test_a_list_of_models_with_a_mistake(settings, tmp_path):
    """What the catalogue says of its file is passed on."""
    path = tmp_path / "models.toml"
    path.write_text('default = "card"\n')
    (finding,) = findings(settings.model_copy(update={"models_file": path}), "models")
    assert not finding.ok
    assert str(path) in finding.detail


def test_a_gpu_that_is_not_there(settings):
    """Asking for CUDA where PyTorch sees no GPU is wrong."""
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    (finding,) = findings(settings.model_copy(update={"device": "cuda"}), "device")
    assert "EASEL_DEVICE" in finding.remedy


@pytest.mark.parametrize(("ahead", "small"), [(0, True), (29, True), (31, False), (-1200, False)])
def test_clocks_may_differ_a_little(ahead, small):
    """Half a minute is allowed, in both directions."""
    now = time.time()
    assert skew_of_redis((int(now + ahead), 0), int(now)).is_small is small


async def test_a_gateway_whose_clock_is_wrong_knows_it(async_client):
    """Twenty minutes ahead of Redis: the skew is found, with its direction."""
    skew = await Fleet(async_client, clock=lambda: time.time() + 1200).clock_skew()
    assert not skew.is_small
    assert str(skew).startswith("the clock of Redis is 1200.0 s behind")
