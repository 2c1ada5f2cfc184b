"""The caller of a request: a tenant, as its API key describes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Who asks. Jobs and images belong to the tenant of that name; nobody else sees them."""

    name: str


PUBLIC = Tenant(name="public")  # everybody, where no keys are asked for
