"""`easel models`: what a running service draws with, and how a model of the hub comes to this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from app.client import Client
from app.server_options import DEFAULT_SERVER, Key, Server
from app.settings import Settings

if TYPE_CHECKING:
    from models.hub.pull import Plan

models_app = typer.Typer(help="List the models of a running service; with a command, bring others to this machine.")
console = Console()


@models_app.callback(invoke_without_command=True)
def list_models(context: typer.Context, server: Server = DEFAULT_SERVER, key: Key = None) -> None:
    """List the models of a running service, or see the commands below."""
    if context.invoked_subcommand is not None:
        return
    table = Table("model", "ready", "sizes", "options")
    with Client(server, key=key) as client:
        for model in client.models():
            table.add_row(model["id"], "yes" if model["ready"] else "no", *_abilities(model.get("capabilities")))
    console.print(table)


@models_app.command()
def pull(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="ID[@REVISION]", help="Such as stabilityai/sd-turbo@main.")],
    variant: Annotated[str | None, typer.Option(help="Variant of the weights, such as fp16.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Folder of all models; else in the data folder.")] = None,
) -> None:
    """Bring a diffusers pipeline, or an adapter for one, from the hub to this machine."""
    from models.hub.pull import is_pulled, plan_pull, pull  # noqa: PLC0415 - gateways need none of it

    repo_id, _, revision = model.partition("@")
    plan = plan_pull(repo_id, revision or None, variant, folder or _models_folder(context))
    size = f"{len(plan.files)} files, {plan.num_bytes / 1e6:,.1f} MB"
    _say(f"{repo_id} at {plan.repository.commit[:12]}: {size}")
    if is_pulled(plan):
        _say(f"unchanged: {plan.folder}")
    else:
        with Progress(BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()) as progress:
            bar = progress.add_task("", total=plan.num_bytes, completed=plan.begun_bytes)
            pull(plan, lambda num_bytes: progress.advance(bar, num_bytes))
        _say(f"complete, and as the hub lists it: {plan.folder}")
    _say(f"\nFor the list of models (EASEL_MODELS_FILE):\n\n{_entry(plan)}")


@models_app.command()
def verify(
    context: typer.Context,
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Folders to look at; none: all that were pulled.")
    ] = None,
) -> None:
    """Compare pulled models with the checksums of their files."""
    from models.hub.checksums import SUMS, NoChecksums, differences  # noqa: PLC0415 - gateways need none of it

    found = folders or sorted(sums.parent for sums in _models_folder(context).glob(f"*/{SUMS}"))
    well = True
    for pulled in found:
        try:
            problems = list(differences(pulled))
        except NoChecksums as error:
            problems = [str(error)]
        well = well and not problems
        num_bytes = sum(path.stat().st_size for path in pulled.rglob("*") if path.is_file())
        _say(f"{'damaged' if problems else 'ok     '} {num_bytes / 1e6:>10,.1f} MB  {pulled}")
        for problem in problems:
            _say(f"        {problem}")
    raise typer.Exit(0 if well else 1)


def _models_folder(context: typer.Context) -> Path:
    settings: Settings = context.obj()
    return (settings.data_dir / "models").absolute()


def _entry(plan: Plan) -> str:
    """Say how the list of models takes what was pulled; strings are written as JSON does, which TOML reads."""
    if plan.is_pipeline:
        name = plan.repository.id.rpartition("/")[2][:64]
        table = json.dumps(name) if "." in name else name
        variant = f"\nvariant = {json.dumps(plan.variant)}" if plan.variant else ""
        return f'[models.{table}]\nfamily = "diffusers"\nsource = {json.dumps(str(plan.folder))}{variant}'
    weights = [str(plan.folder / file.path) for file in plan.files if file.path.endswith(".safetensors")]
    return "\n".join(f"adapters = [{{ source = {json.dumps(path)}, scale = 1.0 }}]" for path in weights)


def _say(line: str) -> None:
    console.print(line, highlight=False, soft_wrap=True, markup=False)


def _abilities(capabilities: dict[str, Any] | None) -> tuple[str, str]:
    if capabilities is None:
        return "", ""
    sizes = ", ".join(f"{width}x{height}" for width, height in capabilities["sizes"])
    any_size = f"{capabilities['min_side']} to {capabilities['max_side']} by {capabilities['size_multiple']}"
    negative = ["negative_prompt"] if capabilities["negative_prompt"] else []
    return sizes or any_size, ", ".join([*negative, *capabilities["options"]])
