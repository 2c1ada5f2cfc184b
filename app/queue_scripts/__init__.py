"""The steps of a job's life that Redis carries out, each atomic; both sides of the queue call them by name.

`layout.lua` goes before each of them: it names RQ's keys and ours; `limits.lua` before the one that submits.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

ScriptName = Literal[
    "submit",
    "read",
    "page",
    "batch",
    "look",
    "line",
    "learn",
    "previews",
    "cancel",
    "claim",
    "renew",
    "release",
    "reap",
    "spare",
    "commit",
    "backlog",
    "requeue",
    "delete",
    "overdue",
    "removed",
    "images_due",
    "images_removed",
    "webhooks_take",
    "webhooks_settle",
    "webhooks_dead",
    "webhooks_redeliver",
]


@cache
def script(name: ScriptName) -> str:
    """Return the source of a script, ready for EVAL."""
    folder = files(__name__)
    parts = ("layout", "limits", name) if name == "submit" else ("layout", name)
    return "\n".join((folder / f"{part}.lua").read_text() for part in parts)
