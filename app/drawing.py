"""Draw through a server, with a progress bar: place in the queue first, then steps; then save the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from app.client import FINAL, Client, ServerError

FORMATS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}


def draw_and_save(
    client: Client, fields: dict[str, Any], output: Path | None, console: Console, *, show_url: bool = False
) -> Iterator[Path]:
    """Submit a job, show how it goes, and save its images; yield each file's path.

    One image goes to `output`; several to `output` with a number before the suffix.

    Raises:
        ServerError: refused, failed, or the output's suffix is no picture format.
    """
    output = output or Path("easel.png")
    if output.suffix.lower() not in FORMATS:
        raise ServerError(f"{output}: the file name must end in one of {', '.join(FORMATS)}")
    job = _follow(client, client.submit(**fields, output_format=FORMATS[output.suffix.lower()]), console)
    if job["status"] != "succeeded":
        reason = (job.get("error") or {}).get("message", "")
        raise ServerError(f"the job {job['status']}: {reason}")
    for number, image in enumerate(job["images"], start=1):
        path = output if len(job["images"]) == 1 else output.with_stem(f"{output.stem}-{number}")
        path.write_bytes(client.fetch(image["url"]))
        if show_url:
            console.print(f"  picture {image['url']}", highlight=False, soft_wrap=True)
        yield path


def _follow(client: Client, job: dict[str, Any], console: Console) -> dict[str, Any]:
    columns = (TextColumn("  {task.description:<34}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task("submitted", total=None)
        try:
            for state in client.follow(job):
                job = state
                _show(bars, bar, state)
        except KeyboardInterrupt:
            client.cancel(job["id"])
            raise
    return job


def _show(bars: Progress, bar: TaskID, job: dict[str, Any]) -> None:
    progress = job.get("progress")
    if job["status"] == "queued" and job.get("position") is not None:
        bars.update(bar, description=_place(job))
    elif job["status"] in FINAL:
        bars.update(bar, description=job["status"], total=1, completed=1)
    elif progress:
        text = f"step {progress['step']} of {progress['num_steps']}"
        bars.update(bar, description=text, total=progress["num_steps"], completed=progress["step"])
    else:
        bars.update(bar, description=job["status"])


def _place(job: dict[str, Any]) -> str:
    ahead = f"{job['position']} ahead" if job["position"] else "next"
    if not job.get("estimate"):
        return f"queued, {ahead}"
    return f"queued, {ahead}, ready in about {job['estimate']['seconds_to_finish']['p50']:.0f} s"
