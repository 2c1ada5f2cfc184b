"""`easel keys`: make, list and revoke API keys. The context's object is the function that reads the settings."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from app.embedded_redis import running_url
from app.errors import InvalidRequest, ModelNotFound
from app.redis_connections import async_redis
from app.settings import Settings
from app.tenants.key_store import KeyStore
from app.tenants.tenant import Limits, is_tenant_name
from models.catalog import UnknownModel, load_catalog

Answer = TypeVar("Answer")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

keys_app = typer.Typer(no_args_is_help=True, help="API keys: who may draw, and how much.")
console = Console()


@keys_app.command()
def create(
    context: typer.Context,
    tenant: Annotated[str, typer.Argument(help="Whose jobs they are; a tenant may have several keys.")],
    requests_per_minute: Annotated[int | None, typer.Option(min=1, help="Submissions.")] = None,
    images_per_minute: Annotated[int | None, typer.Option(min=1, help="Images of all submissions.")] = None,
    max_open_jobs: Annotated[int | None, typer.Option(min=1, help="Jobs queued and running.")] = None,
    monthly_budget: Annotated[int | None, typer.Option(min=1, help="Images times pixels times steps.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="The only model allowed; may be repeated.")] = None,
    expires_in_days: Annotated[float | None, typer.Option(min=0, help="Never, if absent.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it: this once, for only its hash is kept."""
    settings, now = context.obj(), dt.datetime.now(dt.UTC)
    if not is_tenant_name(tenant):
        raise InvalidRequest(f"{tenant!r} is no tenant's name: up to 63 of a-z, 0-9, - and _, a letter or digit first")
    limits = Limits(
        requests_per_minute=requests_per_minute,
        images_per_minute=images_per_minute,
        max_open_jobs=max_open_jobs,
        monthly_budget=monthly_budget,
        models=_model_ids(settings, model),
    )
    expires_at = None if expires_in_days is None else now + dt.timedelta(days=expires_in_days)
    text, key = _ask(settings, lambda keys: keys.create(tenant, limits, now=now, expires_at=expires_at))
    if as_json:
        typer.echo(json.dumps({"key": text} | key.model_dump(mode="json")))
        return
    typer.echo(text)
    console.print(f"{key.id} of {key.tenant}. Keep the key: it is not shown again.", style="dim", highlight=False)


@keys_app.command(name="list")
def list_keys(context: typer.Context, as_json: AsJson = False) -> None:
    """List all keys: their limits, what they have spent this month, and whether they are in force."""
    now = dt.datetime.now(dt.UTC)
    found = _ask(context.obj(), lambda keys: keys.overview(now))
    if as_json:
        listed = [key.model_dump(mode="json") | {"state": key.state(now), "spent": spent} for key, spent in found]
        typer.echo(json.dumps(listed))
        return
    table = Table("id", "tenant", "state", "limits", "spent", "created", "expires")
    for key, spent in found:
        days = [f"{moment:%Y-%m-%d}" if moment else "never" for moment in (key.created_at, key.expires_at)]
        table.add_row(key.id, key.tenant, key.state(now), _in_words(key.limits), f"{spent:,.0f}", *days)
    console.print(table)


@keys_app.command()
def revoke(
    context: typer.Context, key_id: Annotated[str, typer.Argument(help="As `easel keys list` shows it.")]
) -> None:
    """Let a key open nothing any more; every gateway knows within 5 seconds."""
    key = _ask(context.obj(), lambda keys: keys.revoke(key_id, now=dt.datetime.now(dt.UTC)))
    console.print(f"{key.id} of {key.tenant} is revoked", highlight=False)


def _ask(settings: Settings, question: Callable[[KeyStore], Awaitable[Answer]]) -> Answer:
    async def ask() -> Answer:
        async with _keys_of(settings) as keys:
            return await question(keys)

    return asyncio.run(ask())


@contextlib.asynccontextmanager
async def _keys_of(settings: Settings) -> AsyncIterator[KeyStore]:
    """Open the keys of the service that the settings lead to: without an address, those of a running `easel run`."""
    if "redis_url" not in settings.model_fields_set and (url := running_url(settings.data_dir)):
        settings = settings.model_copy(update={"redis_url": url})
    async with async_redis(settings) as client:
        yield KeyStore(client)


def _model_ids(settings: Settings, names: list[str] | None) -> tuple[str, ...] | None:
    """Look the models up, so that a key for a model that does not exist is refused now and not at its first use."""
    catalog = load_catalog(settings.models_file)
    try:
        return tuple(catalog.resolve(name).id for name in names) if names else None
    except UnknownModel as error:
        raise ModelNotFound(str(error)) from error


def _in_words(limits: Limits) -> str:
    words = {
        "requests/min": limits.requests_per_minute,
        "images/min": limits.images_per_minute,
        "open jobs": limits.max_open_jobs,
        "pixel-steps/month": limits.monthly_budget,
    }
    bounds = [f"{bound:,} {unit}" for unit, bound in words.items() if bound is not None]
    return ", ".join([*bounds, *(limits.models or ())]) or "none"
