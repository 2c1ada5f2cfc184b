"""Recognises callers by their `Authorization` header, asking Redis at most once in some seconds for each key."""

from __future__ import annotations

import datetime as dt
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable

from app.errors import InvalidApiKey, MissingApiKey, OperatorsOnly
from app.settings import Settings
from app.tenants.access import is_loopback
from app.tenants.guesses import Guesses
from app.tenants.key_store import KeyStore
from app.tenants.keys import digest_of, is_well_formed
from app.tenants.tenant import PUBLIC, ApiKey, Tenant

REMEMBERED_SECONDS = 5.0  # a revoked key opens doors for so much longer
MAX_REMEMBERED = 10_000
_HOW_TO = "send a key as `Authorization: Bearer ek_…`"


class Authentication:
    """Who is calling, by the rules of the settings.

    `EASEL_ACCESS=open` asks nobody; `keys` asks everybody; `auto` asks as soon as a key was ever made, and always
    on an address that other machines reach.
    """

    def __init__(self, keys: KeyStore, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._settings = settings
        self._clock = clock
        self._loopback = is_loopback(settings.host)
        self._remembered: OrderedDict[str, tuple[ApiKey, float]] = OrderedDict()  # digest -> key, until when
        self._any_key: tuple[bool, float] = (False, 0.0)
        self._guesses = Guesses()

    async def tenant(self, authorization: str | None, address: str) -> Tenant:
        """Return the tenant whose key this is, or the one of everybody where no keys are asked for.

        Raises:
            MissingApiKey, InvalidApiKey: nobody we know.
            RateLimited: too many wrong keys came from this address.
            QueueUnavailable: Redis does not answer.
        """
        if await self._is_open():
            return Tenant(name=PUBLIC)
        text = _bearer(authorization)
        key = self._recall(digest_of(text)) or await self._look_up(text, address)
        state = key.state(dt.datetime.now(dt.UTC))
        if state != "active":
            raise InvalidApiKey(f"this API key is {state}")
        return Tenant(name=key.tenant, key_id=key.id, limits=key.limits)

    def operator(self, authorization: str | None, address: str) -> Tenant:
        """Return the operator, known by the key in the settings or, without one, by being on this machine.

        Raises:
            MissingApiKey, OperatorsOnly: anybody else.
            RateLimited: too many wrong keys came from this address.
        """
        wanted = self._settings.operator_key
        if wanted is None and not self._loopback:
            raise OperatorsOnly("this address is for operators; set EASEL_OPERATOR_KEY to use it from elsewhere")
        if wanted is not None:
            self._guesses.check(address, self._clock())
            given = _bearer(authorization)
            if not hmac.compare_digest(given.encode(), wanted.get_secret_value().encode()):
                self._guesses.add(address, self._clock())
                raise OperatorsOnly("this address is for operators, and this is not their key")
        return Tenant(name="operator")

    async def _is_open(self) -> bool:
        access = self._settings.access
        if access == "auto" and self._loopback:
            return not await self._keys_were_made()
        return access == "open"

    async def _keys_were_made(self) -> bool:
        known, fresh_until = self._any_key
        if self._clock() >= fresh_until:
            known = await self._keys.count() > 0
            self._any_key = known, self._clock() + REMEMBERED_SECONDS
        return known

    def _recall(self, digest: str) -> ApiKey | None:
        key, fresh_until = self._remembered.get(digest, (None, 0.0))
        return key if self._clock() < fresh_until else None

    async def _look_up(self, text: str, address: str) -> ApiKey:
        """Find a key that was not seen for some seconds; only here guessing is possible, and counted."""
        self._guesses.check(address, self._clock())
        digest = digest_of(text)
        key = await self._keys.find(digest) if is_well_formed(text) else None
        if key is None:
            self._guesses.add(address, self._clock())
            raise InvalidApiKey("there is no such API key")
        self._remember(digest, key)
        return key

    def _remember(self, digest: str, key: ApiKey) -> None:
        self._remembered[digest] = key, self._clock() + REMEMBERED_SECONDS
        self._remembered.move_to_end(digest)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)


def _bearer(authorization: str | None) -> str:
    """Take the key out of the header.

    Raises:
        MissingApiKey: there is none.
    """
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise MissingApiKey(_HOW_TO)
    return key.strip()
