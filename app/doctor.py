"""`easel doctor`: looks at everything the service needs from here, and says how to mend what is wrong."""

from __future__ import annotations

import importlib.util
import secrets
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx
import redis

from app.accelerators import look_at_machine
from app.clocks import Skew, skew_of_redis
from app.device_findings import device_findings, drawing_gpu
from app.errors import EaselError
from app.findings import Finding
from app.model_findings import model_findings
from app.redis_connections import REDIS_DOWN, EvictingRedisError, check, sync_redis
from app.setting_sheet import unknown_variables, without_password
from app.settings import Settings
from app.storage import open_store

OLDEST_REDIS = (6, 2)


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at one thing after the other; each finding comes as soon as it is known."""
    for look in (_variables, _redis, _storage, _drawing):
        yield from look(settings)


def _variables(_: Settings) -> Iterator[Finding]:
    unknown = unknown_variables()
    for name, meant in unknown.items():
        yield Finding("settings", f"{name} is not a setting", f"set {meant} instead" if meant else f"unset {name}")
    if not unknown:
        yield Finding("settings", "valid, and each EASEL_ variable is known")


def _redis(settings: Settings) -> Iterator[Finding]:
    address = without_password(settings.redis_url)
    try:
        with sync_redis(settings) as client:
            yield from _of_redis(client, address)
    except REDIS_DOWN as error:
        remedy = "start Redis there or set EASEL_REDIS_URL; `easel run` brings a Redis of its own"
        yield Finding("redis", f"no answer from {address}: {error}", remedy)
    except EvictingRedisError as error:
        yield Finding("redis", str(error), "set maxmemory-policy noeviction")
    except (redis.RedisError, ValueError) as error:
        yield Finding("redis", f"{address}: {error}", "set EASEL_REDIS_URL to an address and user that may be used")


def _of_redis(client: redis.Redis, address: str) -> Iterator[Finding]:
    check(client)
    server = client.info()
    version = str(server["redis_version"])
    new_enough = tuple(int(part) for part in version.split(".")[:2]) >= OLDEST_REDIS
    name = f"valkey {server['valkey_version']}" if "valkey_version" in server else version
    yield Finding("redis", f"{name} at {address}", "" if new_enough else "use Redis 6.2 or newer")
    lasting = server.get("aof_enabled")
    detail = "each write goes to the append-only file" if lasting else "without an append-only file"
    yield Finding("redis", detail, "" if lasting else "set appendonly yes, or a crash of Redis loses accepted jobs")
    yield _clock(skew_of_redis(client.time()))


def _storage(settings: Settings) -> Iterator[Finding]:
    where = f"bucket {settings.s3_bucket}" if settings.storage == "s3" else f"folder {settings.data_dir}"
    try:
        store = open_store(settings)
        store.check()
        key = f"probes/{secrets.token_hex(8)}.png"
        store.put(key, b"probe", "image/png")
        readable = store.get(key) == b"probe"
        store.delete(key)
    except EaselError as error:
        yield Finding("storage", f"{where}: {error.detail}", "mend what it says, or see docs/storage.md")
        return
    remedy = "" if readable else "the store gives back something else than it took; use another"
    yield Finding("storage", f"{where}: an object was put, read and deleted", remedy)
    if settings.storage == "s3" and settings.s3_endpoint_url:
        yield from _clock_of_s3(settings.s3_endpoint_url)


def _clock_of_s3(address: str) -> Iterator[Finding]:
    try:
        date = httpx.head(address, timeout=3).headers.get("date")
    except httpx.HTTPError:
        return  # the object came and went: only its clock is not to be had
    if date:
        yield _clock(Skew("S3", parsedate_to_datetime(date).timestamp() - time.time()))


def _clock(skew: Skew) -> Finding:
    return Finding("clock", str(skew), "" if skew.is_small else "let both keep time by NTP")


def _drawing(settings: Settings) -> Iterator[Finding]:
    """Look at models and device together: what fits depends on both."""
    if importlib.util.find_spec("torch") is None:
        yield from model_findings(settings, None)
        yield Finding("device", "no PyTorch here: this machine can run a gateway, not a worker")
        return
    machine = look_at_machine()
    gpu = drawing_gpu(machine, settings)
    yield from model_findings(settings, machine.free_bytes if gpu is None else gpu.free_bytes)
    yield from device_findings(machine, settings)
