"""Counts wrong keys by the address they come from, in a bounded memory."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

from app.errors import RateLimited

WRONG_KEYS_PER_MINUTE = 20
MAX_ADDRESSES = 4096  # the address that was silent for longest is forgotten first
_WINDOW_SECONDS = 60.0


class Guesses:
    """The wrong keys of the last minute; times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()  # network -> wrong keys, end of its window

    def check(self, address: str, now: float) -> None:
        """Refuse to look at another key from an address that has sent too many wrong ones.

        Raises:
            RateLimited: until its minute is over.
        """
        count, ends_at = self._counts.get(_network(address), (0, now))
        if count >= WRONG_KEYS_PER_MINUTE and now < ends_at:
            detail = "too many wrong API keys from your address"
            raise RateLimited(detail, retry_after_seconds=max(1, round(ends_at - now)))

    def add(self, address: str, now: float) -> None:
        """Note a wrong key."""
        network = _network(address)
        count, ends_at = self._counts.pop(network, (0, 0.0))
        if now >= ends_at:
            count, ends_at = 0, now + _WINDOW_SECONDS
        self._counts[network] = count + 1, ends_at
        if len(self._counts) > MAX_ADDRESSES:
            self._counts.popitem(last=False)

    def __len__(self) -> int:
        return len(self._counts)


def _network(address: str) -> str:
    """Return an IPv4 address as it is, an IPv6 address as its /64: one customer has all of that."""
    try:
        return str(ipaddress.IPv6Network(f"{address.partition('%')[0]}/64", strict=False))
    except ValueError:
        return address[:64]
