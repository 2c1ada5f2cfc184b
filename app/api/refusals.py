"""Tells which answers refuse a submission, whoever refused it: the gate, the framework or a check of ours."""

from __future__ import annotations

import re

from starlette.types import Scope

SUBMISSIONS = re.compile(r"/v1/(jobs|batches|images/(generations|edits|variations))")


def note_error(scope: Scope, code: str) -> None:
    """Remember the error that a request is answered with."""
    scope["state"]["error_code"] = code


def note_accepted(scope: Scope) -> None:
    """Remember that a request has made its job, or found it: what goes wrong from here on refuses nothing."""
    scope["state"]["accepted"] = True


def refusal(scope: Scope) -> str | None:
    """Return the code with which a submission was refused, or None if this was something else."""
    if scope["method"] != "POST" or not SUBMISSIONS.fullmatch(scope["path"]) or "accepted" in scope["state"]:
        return None
    code: str | None = scope["state"].get("error_code")
    return code
