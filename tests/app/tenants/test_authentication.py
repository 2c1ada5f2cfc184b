"""Who is recognised, how often Redis is asked, and what guessing leads to; the clock is the test's."""

import datetime as dt

import pytest

from app.errors import InvalidApiKey, MissingApiKey, OperatorsOnly, QueueUnavailable, RateLimited
from app.settings import Settings
from app.tenants import guesses
from app.tenants.authentication import REMEMBERED_SECONDS, Authentication
from app.tenants.keys import digest_of, new_key
from app.tenants.tenant import ApiKey

NOW = dt.datetime.now(dt.UTC)


class CountingKeys:
    """A store with one key, which counts what it is asked."""

    def __init__(self):
        self.key = new_key()
        self.known = ApiKey(id="key_1", tenant="acme", created_at=NOW)
        self.lookups = 0

    async def find(self, digest):
        self.lookups += 1
        return self.known if digest == digest_of(self.key) else None

    async def count(self):
        self.lookups += 1
        return int(self.known is not None)


@pytest.fixture
def keys():
    """The store."""
    return CountingKeys()


@pytest.fixture
def ask(keys):
    """A function that asks who a key belongs to, at a moment and from an address."""
    moment = [0.0]
    known = Authentication(keys, Settings(access="keys"), clock=lambda: moment[0])

    async def caller(key, *, at=0.0, address="10.0.0.1"):
        moment[0] = at
        return await known.tenant(f"Bearer {key}", address)

    return caller


async def test_a_key_is_looked_up_once_in_some_seconds(ask, keys):
    """Between two look-ups no request asks Redis."""
    assert [(await ask(keys.key, at=at)).name for at in (0, 1, 4.9)] == ["acme"] * 3
    assert keys.lookups == 1
    await ask(keys.key, at=REMEMBERED_SECONDS)
    assert keys.lookups == 2


async def test_a_revoked_key_is_refused_within_seconds(ask, keys):
    """Revocation reaches a gateway that has just seen the key."""
    await ask(keys.key)
    keys.known = keys.known.model_copy(update={"revoked_at": NOW})
    with pytest.raises(InvalidApiKey, match="revoked"):
        await ask(keys.key, at=REMEMBERED_SECONDS)


async def test_an_expired_key_is_refused_at_once(ask, keys):
    """Expiry needs no look-up."""
    keys.known = keys.known.model_copy(update={"expires_at": NOW})
    with pytest.raises(InvalidApiKey, match="expired"):
        await ask(keys.key)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer  ", "Basic abc", "ek_abc"])
async def test_without_a_bearer_nobody_is_known(keys, header):
    """Only `Authorization: Bearer …` is a key."""
    with pytest.raises(MissingApiKey):
        await Authentication(keys, Settings(access="keys")).tenant(header, "10.0.0.1")


async def test_a_malformed_key_costs_no_lookup(ask, keys):
    """The checksum refuses it."""
    with pytest.raises(InvalidApiKey):
        await ask(keys.key[:-1] + ("0" if keys.key[-1] != "0" else "1"))
    assert keys.lookups == 0


async def test_ten_thousand_guesses(ask, keys):
    """Of 10,000 guesses from one address, well formed as they are, twenty reach Redis; the others are told to wait."""
    refused = []
    for _ in range(10_000):
        try:
            await ask(new_key())
        except (InvalidApiKey, RateLimited) as error:
            refused.append(error)
    assert keys.lookups == guesses.WRONG_KEYS_PER_MINUTE
    assert [error.status for error in refused] == [401] * keys.lookups + [429] * (10_000 - keys.lookups)
    assert refused[-1].retry_after_seconds == 60


async def test_a_guesser_blocks_only_itself(ask, keys):
    """Other addresses and known keys are served; when its minute is over, it may try again."""
    await ask(keys.key)
    for _ in range(guesses.WRONG_KEYS_PER_MINUTE):
        with pytest.raises(InvalidApiKey):
            await ask(new_key())
    assert (await ask(keys.key)).name == "acme"
    with pytest.raises(RateLimited):
        await ask(keys.key, at=REMEMBERED_SECONDS)
    assert (await ask(keys.key, at=REMEMBERED_SECONDS, address="10.0.0.2")).name == "acme"
    assert (await ask(keys.key, at=61)).name == "acme"


def test_guesses_are_remembered_in_bounded_memory():
    """A guesser with many addresses fills a table of fixed size; its IPv6 addresses are one."""
    seen = guesses.Guesses()
    for number in range(guesses.MAX_ADDRESSES + 100):
        seen.add(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    assert len(seen) == guesses.MAX_ADDRESSES
    for number in range(guesses.WRONG_KEYS_PER_MINUTE):
        seen.add(f"2001:db8::{number}", 0.0)
    with pytest.raises(RateLimited):
        seen.check("2001:db8::ffff", 1.0)
    seen.check("not:an:address" * 1000, 1.0)


async def test_open_until_the_first_key_on_loopback_only(keys):
    """By default nobody is asked on this machine before a key is made; afterwards, and elsewhere, everybody is."""
    loopback, elsewhere = Settings(), Settings(host="0.0.0.0")  # noqa: S104 - nothing is bound
    for settings in (loopback, elsewhere):
        with pytest.raises(MissingApiKey):
            await Authentication(keys, settings).tenant(None, "127.0.0.1")
    keys.known = None
    assert (await Authentication(keys, loopback).tenant(None, "127.0.0.1")).name == "public"
    with pytest.raises(MissingApiKey):
        await Authentication(keys, elsewhere).tenant(None, "127.0.0.1")


async def test_an_open_service_asks_nobody(keys):
    """When told so, the gateway takes whatever a client sends as a key."""
    known = Authentication(keys, Settings(access="open", host="0.0.0.0"))  # noqa: S104 - nothing is bound
    assert (await known.tenant("Bearer unused", "10.0.0.1")).name == "public"
    assert keys.lookups == 0


async def test_nobody_comes_in_while_redis_is_away(keys):
    """Whether keys were made is not known then."""

    async def away():
        raise QueueUnavailable("the queue does not answer", retry_after_seconds=5)

    keys.count = away
    with pytest.raises(QueueUnavailable):
        await Authentication(keys, Settings()).tenant(None, "127.0.0.1")


@pytest.mark.parametrize(
    ("host", "key", "given", "error"),
    [
        ("127.0.0.1", None, None, None),
        ("0.0.0.0", None, None, OperatorsOnly),  # noqa: S104 - nothing is bound
        ("0.0.0.0", None, "anything", OperatorsOnly),  # noqa: S104
        ("0.0.0.0", "operators-own-key", "operators-own-key", None),  # noqa: S104
        ("127.0.0.1", "operators-own-key", None, MissingApiKey),
        ("127.0.0.1", "operators-own-key", "another", OperatorsOnly),
    ],
)
def test_operators(keys, host, key, given, error):
    """Operators are known by their own key, or, without one, by being on this machine."""
    known = Authentication(keys, Settings(host=host, operator_key=key))
    header = f"Bearer {given}" if given else None
    if error is None:
        assert known.operator(header, "10.0.0.1").name == "operator"
        return
    with pytest.raises(error):
        known.operator(header, "10.0.0.1")
