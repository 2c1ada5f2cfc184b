"""A gateway that wants keys, and clients with and without one."""

import asyncio
import contextlib
import datetime as dt

import httpx
import openai
import pytest

from app.redis_connections import async_redis
from app.settings import Settings
from app.tenants.key_store import KeyStore
from app.tenants.tenant import Limits

OPERATOR = "operators-own-key"
FOX = {"prompt": "a fox"}
DOORS = ("/v1/jobs", "/v1/images/generations")


@pytest.fixture(scope="module")
def keyed(settings, serve):
    """A gateway that wants keys."""
    with serve(settings.model_copy(update={"access": "keys", "operator_key": _secret(OPERATOR)})) as server:
        yield server


def _secret(text):
    return Settings(operator_key=text).operator_key


@pytest.fixture
def keys(keyed, settings, worker):
    """A function that does something with the store of keys."""

    def ask(action):
        async def run():
            async with async_redis(settings) as client:
                return await action(KeyStore(client))

        return asyncio.run(run())

    return ask


@pytest.fixture
def tenant(keyed, keys):
    """A function that makes a tenant, and returns a client with its key."""
    clients = contextlib.ExitStack()

    def make(name="acme", expires_at=None, **limits):
        now = dt.datetime.now(dt.UTC)
        key, known = keys(lambda store: store.create(name, Limits(**limits), now=now, expires_at=expires_at))
        http = httpx.Client(base_url=keyed.url, timeout=10, headers={"Authorization": f"Bearer {key}"})
        http.key, http.key_id = key, known.id
        return clients.enter_context(http)

    with clients:
        yield make


@pytest.fixture
def stranger(keyed, worker):
    """A client without a key."""
    with httpx.Client(base_url=keyed.url, timeout=10) as client:
        yield client


def sdk(http):
    """The `openai` client of the same tenant; it tries once."""
    key = http.headers["Authorization"].removeprefix("Bearer ")
    return openai.OpenAI(base_url=f"{http.base_url}/v1", api_key=key, max_retries=0)
