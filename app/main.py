"""The gateway's composition root: settings in, application out; everything is made here and handed down."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog
from fastapi import FastAPI, Security
from fastapi_offline import FastAPIOffline

from app import __version__
from app.api import (
    batches,
    catalog,
    client_files,
    files,
    job_events,
    jobs,
    openai_images,
    operations,
    operators,
    problems,
    webhooks,
)
from app.api.dependencies import Gateway, api_key
from app.api.documentation import ANY_OTHER, OPERATORS_ERRORS, TENANTS_ERRORS
from app.api.gate import Gate
from app.api.middleware import RequestMiddleware
from app.api.openapi import complete, operation_id
from app.api.origins import allow_origins
from app.client_files import ClientFiles
from app.expiry import end_overdue_regularly, remove_images_regularly
from app.fleet import Fleet
from app.forecasts import Forecasts
from app.inputs import InputStore
from app.jobs import JobQueue
from app.live_catalog import LiveCatalog, read_again_when_asked
from app.metrics import GatewayMetrics, new_registry
from app.moderation import job_moderators
from app.queue_calls import QueueCalls
from app.redis_connections import REDIS_DOWN, async_redis, check_async
from app.settings import Settings
from app.storage import open_store
from app.storage.sweeping import sweep_regularly
from app.tenants.authentication import Authentication
from app.tenants.key_store import KeyStore
from app.tracing import TELEMETRY
from app.webhooks.delivery import deliver_webhooks
from app.webhooks.outbox import Outbox
from app.webhooks.secrets import WebhookSecrets

log = structlog.get_logger()


@contextlib.asynccontextmanager
async def open_gateway(
    settings: Settings, metrics: GatewayMetrics, stopping: asyncio.Event, reloading: asyncio.Event
) -> AsyncIterator[Gateway]:
    """Open the gateway's parts, and close them at the end. Redis may come later: until then it is not ready.

    Raises:
        CatalogError: the list of models is wrong.
        ModerationError: the blocklist or the check of one's own cannot be used.
        StorageUnavailable: the data folder cannot be used.
        EvictingRedisError: Redis is set to drop jobs when its memory is full.
    """
    catalog = LiveCatalog(settings.models_file)
    moderators = job_moderators(settings)
    store = await asyncio.to_thread(open_store, settings)
    async with async_redis(settings) as client:
        try:
            await check_async(client)
        except REDIS_DOWN as error:
            log.warning("queue_unavailable", reason=str(error))
        queue, fleet = JobQueue(client, settings), Fleet(client)
        inputs = InputStore(store, settings)
        longest_retention = max(settings.job_retention_seconds, settings.max_retention_seconds)
        sweeping = asyncio.create_task(sweep_regularly(store, longest_retention))
        ending = asyncio.create_task(end_overdue_regularly(queue, metrics))
        removing = asyncio.create_task(remove_images_regularly(queue, store))
        leaving = asyncio.create_task(_stop_following(queue, stopping))
        reading = asyncio.create_task(read_again_when_asked(catalog, reloading, queue, metrics))
        outbox, secrets = Outbox(QueueCalls(client)), WebhookSecrets(client, settings)
        delivering = asyncio.create_task(deliver_webhooks(outbox, queue, store, secrets, settings, metrics))
        try:
            yield Gateway(
                settings=settings,
                live_catalog=catalog,
                queue=queue,
                moderators=moderators,
                authentication=Authentication(KeyStore(client), settings),
                fleet=fleet,
                forecasts=Forecasts(queue, fleet),
                store=store,
                inputs=inputs,
                files=ClientFiles(client, store, inputs, settings),
                outbox=outbox,
                webhook_secrets=secrets,
                metrics=metrics,
                stopping=stopping,
            )
        finally:
            for task in (sweeping, ending, removing, leaving, reading, delivering):
                task.cancel()
            await inputs.close()
            await queue.close()


async def _stop_following(queue: JobQueue, stopping: asyncio.Event) -> None:
    await stopping.wait()
    queue.stop_following()


def create_app(settings: Settings) -> FastAPI:
    """Make the application; nothing is opened before it starts."""
    metrics = GatewayMetrics(new_registry())
    stopping, reloading = asyncio.Event(), asyncio.Event()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_gateway(settings, metrics, stopping, reloading) as gateway:
            app.state.gateway = gateway
            log.info("gateway_started", version=__version__, models=list(gateway.catalog.models))
            yield

    app: FastAPI = FastAPIOffline(
        title="Easel",
        version=__version__,
        summary="Text-to-image inference: submit a prompt, follow the job, fetch the images.",
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
        responses=ANY_OTHER,
        generate_unique_id_function=operation_id,
        webhooks=webhooks.events,
        telemetry=TELEMETRY,
    )
    app.state.stopping, app.state.reloading = stopping, reloading
    app.add_middleware(Gate)
    app.add_middleware(RequestMiddleware, metrics=metrics)
    if settings.cors_origins:
        allow_origins(app, settings.cors_origins)
    problems.register(app)
    keyed = [Security(api_key)]
    for door in (jobs, batches, job_events, openai_images, client_files, catalog, webhooks):
        app.include_router(door.router, dependencies=keyed, responses=TENANTS_ERRORS)
    app.include_router(operators.router, dependencies=keyed, responses=OPERATORS_ERRORS)
    for door in (operations, files):
        app.include_router(door.router)
    complete(app)
    return app
