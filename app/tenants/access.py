"""Decides whether a gateway may listen: where other machines reach it, it needs keys, or a word that it needs none."""

from __future__ import annotations

import contextlib
import ipaddress

from app.errors import EaselError, QueueUnavailable
from app.redis_connections import async_redis
from app.settings import Settings
from app.tenants.key_store import KeyStore


class UnguardedError(EaselError):
    """Anybody who reaches this address could draw, so the gateway does not start."""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address; of a name other than localhost nobody knows."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def wants_keys(settings: Settings) -> bool:
    """Whether everybody needs a key, also before the first one was made."""
    return settings.access == "keys" or (settings.access == "auto" and not is_loopback(settings.host))


async def check_access(settings: Settings) -> None:
    """Refuse to listen where everybody could come, and nobody has said whether they may.

    While Redis does not answer, nobody knows: then the gateway may listen, and lets nobody in.

    Raises:
        UnguardedError: no key was ever made, and the setting says neither `open` nor `keys`.
    """
    if settings.access != "auto" or is_loopback(settings.host):
        return
    async with async_redis(settings) as client:
        with contextlib.suppress(QueueUnavailable):
            if await KeyStore(client).count() == 0:
                raise _unguarded(settings.host)


def _unguarded(host: str) -> UnguardedError:
    return UnguardedError(
        f"other machines can reach {host}, and there is no API key yet. Make one with "
        "`easel keys create TENANT` while the service listens on 127.0.0.1, or set EASEL_ACCESS=keys and make one "
        "later; EASEL_ACCESS=open lets everybody in"
    )
