"""`easel webhooks`: make a signing secret, list what could not be delivered, deliver it again."""

from __future__ import annotations

import base64
import secrets
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from app.client import Client
from app.server_options import DEFAULT_SERVER, Key, Server

SECRET_BYTES = 32

console = Console()
webhooks_app = typer.Typer(no_args_is_help=True, help="Sign webhooks, and look after those that nobody took.")


@webhooks_app.command()
def secret() -> None:
    """Make a secret for EASEL_WEBHOOK_SECRET; where nobody needs an API key, receivers check with it, too."""
    typer.echo(f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}")


@webhooks_app.command()
def dead(server: Server = DEFAULT_SERVER, key: Key = None) -> None:
    """List the events that were given up."""
    with Client(server, key=key) as client:
        for letter in client.dead_letters():
            line = f"{letter['id']}  {letter['attempts']} attempts  {letter['reason']}  {letter['url']}"
            console.print(escape(line), highlight=False, soft_wrap=True)  # ids are whole, to be copied


@webhooks_app.command()
def redeliver(
    events: Annotated[list[str] | None, typer.Argument(help="Ids of events; none with --all.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that were given up.")] = False,
    server: Server = DEFAULT_SERVER,
    key: Key = None,
) -> None:
    """Deliver events again that were given up."""
    if every == bool(events):
        raise typer.BadParameter("name events, or give --all", param_hint="EVENTS")
    with Client(server, key=key) as client:
        for event_id in events or [letter["id"] for letter in client.dead_letters()]:
            client.redeliver(event_id)
            console.print(event_id, highlight=False, soft_wrap=True)
