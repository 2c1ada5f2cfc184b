"""What webhooks are signed with: each tenant's own secret, made from the service's and kept nowhere.

It is the HMAC of the tenant's name, and of how often the secret was changed, under `EASEL_WEBHOOK_SECRET`; only that
number is in Redis. Everybody's tenant, where no keys are asked for, has the service's own secret.

After a change, of a tenant's secret or of the service's, events carry a signature by either, as Standard Webhooks
allows, so that receivers can change theirs without missing one.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac

import redis.asyncio
from pydantic import BaseModel, ConfigDict
from standardwebhooks.webhooks import Webhook

from app.errors import OperatorsOnly, UnsupportedOption
from app.queue_calls import naming_outages
from app.settings import Settings
from app.tenants.tenant import PUBLIC

ROTATIONS = "easel:webhook-rotations"
OVERLAP = dt.timedelta(days=1)


class Rotation(BaseModel):
    """How often a tenant's secret was changed, and when last."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = 0
    changed_at: dt.datetime | None = None

    def previous_until(self, now: dt.datetime) -> dt.datetime | None:
        """Tell until when the secret before this one is used beside it, if it still is."""
        ends_at = self.changed_at + OVERLAP if self.changed_at else None
        return ends_at if ends_at and now < ends_at else None


class WebhookSecrets:
    """All tenants' secrets.

    Raises (each method):
        UnsupportedOption: this service has no secret.
        QueueUnavailable: Redis does not answer.
    """

    def __init__(self, client: redis.asyncio.Redis, settings: Settings) -> None:
        self._client = client
        given = (settings.webhook_secret, settings.webhook_previous_secret)
        self._masters = [secret.get_secret_value() for secret in given if secret]

    def check(self) -> None:
        """Refuse what needs a signature, where there can be none."""
        if not self._masters:
            raise UnsupportedOption("this service sends no webhooks: EASEL_WEBHOOK_SECRET is not set", param="webhook")

    async def read(self, tenant: str) -> tuple[str, Rotation]:
        """Return a tenant's secret, to be shown to it.

        Raises:
            OperatorsOnly: this is everybody's tenant, and its secret the service's.
        """
        self.check()
        if tenant == PUBLIC:
            raise OperatorsOnly("without API keys webhooks are signed with EASEL_WEBHOOK_SECRET itself")
        rotation = await self._rotation(tenant)
        return tenant_secret(self._masters[0], tenant, rotation.number), rotation

    async def rotate(self, tenant: str, now: dt.datetime) -> tuple[str, Rotation]:
        """Change a tenant's secret, and return the new one; the one before it goes on for `OVERLAP`.

        Raises:
            OperatorsOnly: as `read`.
        """
        _, rotation = await self.read(tenant)
        changed = Rotation(number=rotation.number + 1, changed_at=now)
        with naming_outages():
            await self._client.hset(ROTATIONS, tenant, changed.model_dump_json())
        return await self.read(tenant)

    async def sign(self, tenant: str, event_id: str, now: dt.datetime, body: str) -> str:
        """Return the header `webhook-signature` for a tenant's event: a signature by each secret in use."""
        secrets = self._masters if tenant == PUBLIC else await self._in_use(tenant, now)
        return " ".join(Webhook(secret).sign(event_id, now, body) for secret in secrets)

    async def _in_use(self, tenant: str, now: dt.datetime) -> list[str]:
        rotation = await self._rotation(tenant)
        numbers = [rotation.number, *([rotation.number - 1] if rotation.previous_until(now) else [])]
        return [tenant_secret(master, tenant, number) for master in self._masters for number in numbers]

    async def _rotation(self, tenant: str) -> Rotation:
        with naming_outages():
            found = await self._client.hget(ROTATIONS, tenant)
        return Rotation.model_validate_json(found) if found else Rotation()


def tenant_secret(master: str, tenant: str, number: int) -> str:
    """Make the secret of a tenant after so many changes, in the form of Standard Webhooks."""
    made = hmac.digest(master.encode(), f"webhooks of {tenant}, {number}".encode(), hashlib.sha256)
    return f"whsec_{base64.b64encode(made).decode()}"
