"""`easel jobs` and `easel requeue`: what operators see of all tenants' jobs, and what they can do for failed ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from app.client import Client
from app.messages import JobStatus
from app.server_options import DEFAULT_SERVER, OperatorKey, Server

console = Console()


def jobs(
    status: Annotated[JobStatus | None, typer.Option(help="Only jobs that stand so.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Short for --status failed.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Most jobs to list.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    server: Server = DEFAULT_SERVER,
    key: OperatorKey = None,
) -> None:
    """List the jobs of all tenants, the newest first."""
    if failed and status not in {None, JobStatus.FAILED}:
        raise typer.BadParameter("--failed and --status contradict each other", param_hint="--status")
    wanted = JobStatus.FAILED if failed else status
    with Client(server, key=key) as client:
        found = list(islice(_all_jobs(client, wanted), limit))
    if as_json:
        for job in found:
            typer.echo(json.dumps(job))
    else:
        console.print(_table(found))


def requeue(
    job_ids: Annotated[list[str], typer.Argument()], server: Server = DEFAULT_SERVER, key: OperatorKey = None
) -> None:
    """Queue failed jobs again, as if for the first time."""
    with Client(server, key=key) as client:
        for job_id in job_ids:
            job = client.requeue(job_id)
            console.print(f"{job['id']} {job['status']}", highlight=False, soft_wrap=True)


def _all_jobs(client: Client, status: JobStatus | None) -> Iterator[dict[str, Any]]:
    cursor = None
    while True:
        page = client.all_jobs(status=status, cursor=cursor)
        yield from page["data"]
        if (cursor := page["next_cursor"]) is None:
            return


def _table(found: list[dict[str, Any]]) -> Table:
    table = Table(Column("job", no_wrap=True), "created", "tenant", "model", "status", "attempts", "error")
    for job in found:
        reason = escape("{code}: {message}".format_map(job["error"])) if job["error"] else ""
        created = job["created_at"][:19].replace("T", " ")
        table.add_row(job["id"], created, job["tenant"], job["model"], job["status"], str(job["attempts"]), reason)
    return table
