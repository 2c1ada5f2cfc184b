"""What `easel doctor` says of one thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do if it is not well."""

    name: str
    detail: str
    remedy: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether there is nothing to mend."""
        return not self.remedy


def memory(num_bytes: float) -> str:
    """Write an amount of memory for people."""
    return f"{num_bytes / 2**30:.1f} GiB" if num_bytes >= 2**30 else f"{num_bytes / 2**20:.0f} MiB"
