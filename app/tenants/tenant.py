"""The caller of a request: a tenant, and what its API key allows."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

PUBLIC = "public"  # the tenant of everybody, where no keys are asked for
_TENANT_NAME = r"[a-z0-9][a-z0-9_-]{0,62}"  # it is part of keys in Redis


def is_tenant_name(text: str) -> bool:
    """Whether a tenant may be called so."""
    return re.fullmatch(_TENANT_NAME, text) is not None


class Limits(BaseModel):
    """What a key may ask for; None is without limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests_per_minute: PositiveInt | None = None
    images_per_minute: PositiveInt | None = None
    max_open_jobs: PositiveInt | None = None  # queued and running, of all the tenant's keys together
    monthly_budget: PositiveInt | None = None  # pixel-steps, as `app.admission.cost` counts them, in a month of UTC
    models: tuple[str, ...] | None = None  # ids


NO_LIMITS = Limits()


class ApiKey(BaseModel):
    """What is known of a key; the key itself is not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    tenant: Annotated[str, Field(pattern=f"^{_TENANT_NAME}$")]
    limits: Limits = NO_LIMITS
    created_at: dt.datetime
    expires_at: dt.datetime | None = None
    revoked_at: dt.datetime | None = None

    def state(self, now: dt.datetime) -> str:
        """Tell whether it opens anything: `active`, `expired` or `revoked`."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= now else "active"


@dataclass(frozen=True, slots=True)
class Rate:
    """How one of a key's rates stands: `remaining` of `limit` now, all of them again in `reset_seconds`."""

    limit: int
    remaining: int
    reset_seconds: float


@dataclass(slots=True, kw_only=True)
class Tenant:
    """Who asks, for the time of one request. Jobs belong to the tenant of that name; nobody else sees them."""

    name: str
    key_id: str | None = None
    limits: Limits = NO_LIMITS
    rates: dict[str, Rate] | None = None  # `requests` and `images`, as the queue last told them

    def may_use(self, model: str) -> bool:
        """Whether the key is for this model, too."""
        return self.limits.models is None or model in self.limits.models
