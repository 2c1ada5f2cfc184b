"""`easel run`: start everything, say where it is, draw a first picture, and stop everything on a signal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from app import moderation
from app.client import Client, ServerError
from app.drawing import draw_and_save
from app.embedded_redis import EmbeddedRedisError
from app.errors import EaselError
from app.logs import configure_logs
from app.settings import Settings
from app.supervisor import DataFolderInUseError, RunningService, run_service
from app.tenants.access import wants_keys
from app.terminal import reload_on_hangup
from models.catalog import CatalogError, load_catalog

READY_SECONDS = 300.0  # a large model on a slow disk


async def run_until_stopped(
    settings: Settings, *, workers: int, first_prompt: str | None, key: str | None, console: Console
) -> int:
    """Run the service until SIGINT or SIGTERM and return the exit code; the first picture is drawn with `key`."""
    configure_logs(settings)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if workers > 1 and settings.worker_metrics_port:
        console.print("[red]error:[/] EASEL_WORKER_METRICS_PORT is one port: with several workers leave it unset")
        return 2
    try:
        load_catalog(settings.models_file)  # a mistake here would only make every process start again and again
        moderation.check_settings(settings)
        async with run_service(settings, workers=workers) as service:
            reload_on_hangup(service.reload)
            greeting = asyncio.create_task(_greet(service, first_prompt, key, settings, console))
            await stop.wait()
            greeting.cancel()
            console.print("\nStopping: the batch in hand is finished, what is queued stays queued.")
            with contextlib.suppress(asyncio.CancelledError):
                await greeting
    except (CatalogError, DataFolderInUseError, EaselError, EmbeddedRedisError, OSError) as error:
        console.print(f"[red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return 1
    return 0


async def _greet(
    service: RunningService, first_prompt: str | None, key: str | None, settings: Settings, console: Console
) -> None:
    """Say that the service is ready, and prove it by drawing."""
    with Client(service.url, key=key) as client:
        try:
            async with asyncio.timeout(READY_SECONDS):
                while not await asyncio.to_thread(client.ready):  # noqa: ASYNC110 - another process gets ready
                    await asyncio.sleep(0.1)
        except TimeoutError:
            console.print(f"[red]Not ready after {READY_SECONDS:.0f} s:[/] {service.url}/readyz says why.")
            return
        console.print(f"\n[bold green]Easel is ready[/] at [bold]{service.url}[/]")
        if first_prompt:
            await _draw_first_picture(client, first_prompt, settings.data_dir, console)
    _say_where_to_go(service, settings, console)


async def _draw_first_picture(client: Client, prompt: str, data_dir: Path, console: Console) -> None:
    def draw() -> None:
        path = data_dir / "first-picture.png"
        for saved in draw_and_save(client, {"prompt": prompt}, path, console, show_url=True):
            console.print(f"  saved   {saved}", highlight=False, soft_wrap=True)

    try:
        await asyncio.to_thread(draw)
    except ServerError as error:
        console.print(f"[red]The first picture failed:[/] {escape(str(error))}", highlight=False, soft_wrap=True)


def _say_where_to_go(service: RunningService, settings: Settings, console: Console) -> None:
    rows = {
        "draw": f'.venv/bin/easel generate "A serene mountain landscape with a river." --server {service.url}',
        "API": f"{service.url}/docs",
        "metrics": f"{service.url}/metrics",
        "queue": f".venv/bin/rq info --url '{service.redis_url}'",
        "stop": "Ctrl-C",
    }
    if wants_keys(settings):
        rows["keys"] = f"EASEL_DATA_DIR={settings.data_dir} .venv/bin/easel keys create TENANT"
    for name, value in rows.items():
        console.print(f"  {name:<7} {value}", highlight=False, soft_wrap=True)
