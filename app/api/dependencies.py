"""What the routes work with: the gateway's parts, made once, and the links of one request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from app.api.answers import LinkSigner
from app.client_files import ClientFiles
from app.fleet import Fleet
from app.forecasts import Forecasts
from app.inputs import InputStore
from app.jobs import JobQueue
from app.live_catalog import LiveCatalog
from app.metrics import GatewayMetrics
from app.moderation import Moderator
from app.settings import Settings
from app.storage import ObjectStore
from app.tenants.authentication import Authentication
from app.tenants.tenant import Tenant
from app.webhooks.outbox import Outbox
from app.webhooks.secrets import WebhookSecrets
from models.catalog import Catalog

# What /docs offers to fill in, and generated clients send; the gate reads it.
api_key = HTTPBearer(auto_error=False, description="An API key, where the service asks for one.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The parts that outlive a request."""

    settings: Settings
    live_catalog: LiveCatalog
    queue: JobQueue
    authentication: Authentication
    moderators: tuple[Moderator, ...]
    fleet: Fleet
    forecasts: Forecasts
    store: ObjectStore
    inputs: InputStore
    files: ClientFiles
    outbox: Outbox
    webhook_secrets: WebhookSecrets
    metrics: GatewayMetrics
    stopping: asyncio.Event  # set when the server is told to end

    @property
    def catalog(self) -> Catalog:
        """The list of models in force."""
        return self.live_catalog.current


def gateway_of(request: Request) -> Gateway:
    """Return the parts that `create_app` has put together."""
    gateway: Gateway = request.app.state.gateway
    return gateway


async def _gateway(request: Request) -> Gateway:
    return gateway_of(request)  # async, or FastAPI would take a thread for it


def caller_of(request: Request) -> Tenant:
    """Return the tenant whom the gate has recognised; its name goes with every question to the queue."""
    caller: Tenant = request.state.caller
    return caller


async def _caller(request: Request) -> Tenant:
    return caller_of(request)


async def _link_signer(request: Request) -> LinkSigner:
    gateway = gateway_of(request)
    return LinkSigner(
        store=gateway.store,
        base_url=gateway.settings.public_url or str(request.base_url),
        expires_seconds=gateway.settings.url_expiry_seconds,
    )


GatewayParts = Annotated[Gateway, Depends(_gateway)]
Caller = Annotated[Tenant, Depends(_caller)]
Links = Annotated[LinkSigner, Depends(_link_signer)]
