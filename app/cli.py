"""The command `easel`: run the service or one part of it, and talk to it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import pydantic
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app import __version__
from app.client import Client, ServerError
from app.errors import EaselError
from app.jobs_cli import jobs, requeue
from app.keys_cli import keys_app
from app.models_cli import models_app
from app.server_options import DEFAULT_SERVER, Key, Server
from app.settings import Settings
from app.terminal import keyboard_signals_for_us_alone
from app.webhooks_cli import webhooks_app
from models.catalog import CatalogError, load_catalog
from models.evaluation.cli import evaluate, showpieces
from models.hub import HubError
from models.training.cli import train_app

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Text-to-image inference on your own machines.")
console = Console()
errors = Console(stderr=True)

TRAINING_PACKAGES = {"matplotlib", "skia", "torchmetrics"}  # the extra `train`
HUB_PACKAGES = {"filelock", "huggingface_hub"}  # the extra `worker`


def main() -> None:
    """Run the command; an expected error is one line on stderr and exit code 1."""
    try:
        app(obj=_settings)
    except (ServerError, EaselError, HubError) as error:
        _fail(escape(str(error)))
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in HUB_PACKAGES:
            _fail(f"{package} is not installed; to pull models: pip install 'easel\\[worker]'")
        if package not in TRAINING_PACKAGES:
            raise
        _fail(f"{package} is not installed; to train and judge models: pip install 'easel\\[train]'")


def _fail(message: str) -> None:
    errors.print(f"[red]error:[/] {message}", highlight=False, soft_wrap=True)
    sys.exit(1)


def _settings(**changes: Any) -> Settings:
    """Read the settings; options given on the command line go before the environment."""
    try:
        return Settings(**{name: value for name, value in changes.items() if value is not None})
    except pydantic.ValidationError as error:
        for problem in error.errors():
            name = "_".join(["EASEL", *map(str, problem["loc"])]).upper() if problem["loc"] else "settings"
            reason = problem["msg"].removeprefix("Value error, ")
            errors.print(f"[red]error:[/] {name}: {escape(reason)}", highlight=False, soft_wrap=True)
        sys.exit(2)


def _check_models(settings: Settings) -> None:
    """End with the mistakes in the list of models or in moderation, if there are any, before anything is started."""
    from app.moderation import job_moderators  # noqa: PLC0415 - a client needs none of it

    try:
        load_catalog(settings.models_file)
        job_moderators(settings)
    except (CatalogError, EaselError) as error:
        _fail(escape(str(error)))


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        console.print(f"easel {__version__}", highlight=False)
        raise typer.Exit


@app.command()
def run(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 picks a free one.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder for queue, images and secrets.")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Worker processes.")] = 1,
    models: Annotated[Path | None, typer.Option(help="TOML file that lists the models.")] = None,
    draw: Annotated[str | None, typer.Option(metavar="PROMPT", help="Draw a first picture once ready.")] = None,
    key: Key = None,
) -> None:
    """Run the whole service on this machine until Ctrl-C."""
    from app.running import run_until_stopped  # noqa: PLC0415 - a client needs none of it

    settings = _settings(host=host, port=port, data_dir=data_dir, models_file=models)
    with keyboard_signals_for_us_alone():
        code = asyncio.run(run_until_stopped(settings, workers=workers, first_prompt=draw, key=key, console=console))
    sys.exit(code)


@app.command()
def gateway(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 picks a free one.")] = None,
    fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run one gateway process."""
    from app.serving import serve  # noqa: PLC0415 - a client needs none of it

    settings = _settings(host=host, port=port)
    _check_models(settings)
    serve(settings, fd=fd)


@app.command()
def worker() -> None:
    """Run one worker process: it loads the models once and draws batches until it is told to stop."""
    _check_models(_settings())
    os.execv(sys.executable, [sys.executable, "-m", "workers"])  # noqa: S606 - this interpreter, fixed arguments


@app.command()
def config() -> None:
    """Show every setting and where it comes from; secrets stay hidden."""
    from app.setting_sheet import setting_lines, unknown_variables  # noqa: PLC0415 - other commands need neither

    table = Table("variable", "value", "from")
    for line in setting_lines(_settings()):
        table.add_row(line.variable, line.value, line.source)
    console.print(table)
    for name, meant in unknown_variables().items():
        errors.print(f"[yellow]{name} is not a setting[/]" + (f"; did you mean {meant}?" if meant else ""))


@app.command()
def doctor() -> None:
    """Check Redis, storage, clocks, models and GPU from here, and say how to mend what is wrong."""
    from app.doctor import examine  # noqa: PLC0415 - other commands need none of it

    settings = _settings()
    well = True
    for finding in examine(settings):
        well = well and finding.ok
        mark = "[green]ok[/]   " if finding.ok else "[red]wrong[/]"
        console.print(f"{mark} {finding.name:<9} {escape(finding.detail)}", highlight=False, soft_wrap=True)
        if finding.remedy:
            console.print(f"      {'':<9} → {escape(finding.remedy)}", highlight=False, soft_wrap=True)
    sys.exit(0 if well else 1)


@app.command()
def generate(
    prompt: str,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File to write; PNG, JPEG or WebP.")] = None,
    model: Annotated[str | None, typer.Option(help="Model id or alias.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same picture.")] = None,
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT in pixels.")] = None,
    num_images: Annotated[int, typer.Option(min=1, help="Pictures to draw.")] = 1,
    server: Server = DEFAULT_SERVER,
    key: Key = None,
) -> None:
    """Draw pictures of PROMPT and save them."""
    from app.drawing import draw_and_save  # noqa: PLC0415 - other commands need no progress bars

    with Client(server, key=key) as client:
        fields = {"prompt": prompt, "model": model, "seed": seed, "size": size, "num_images": num_images}
        for path in draw_and_save(client, fields, output, console):
            console.print(path, highlight=False, soft_wrap=True)


app.command()(jobs)
app.command()(requeue)
app.add_typer(keys_app, name="keys")
app.add_typer(models_app, name="models")
app.add_typer(train_app, name="train")
app.add_typer(webhooks_app, name="webhooks")
app.command()(evaluate)
app.command()(showpieces)
