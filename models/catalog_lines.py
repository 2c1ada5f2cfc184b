"""Finds where in a TOML file something stands: the parser of the standard library does not tell."""

from __future__ import annotations

import re

_PROBLEM = re.compile(r"(?:\[(?P<table>[^\]]+)\]:? ?)?(?P<key>[^:\s]*)")
_HEADER = re.compile(r"\s*\[([^\[\]]+)\]")
_ASSIGNMENT = re.compile(r"\s*([^#=\s]+)\s*=")


def line_of(text: str, problem: str) -> int | None:
    """Return the line, from 1, of the key that a problem `[table] key: …` names, else of its table; None: neither."""
    match = _PROBLEM.match(problem)
    table, key = (match["table"] or "", match["key"]) if match else ("", "")
    wanted, here, found = _path(table, key), "", None
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            here = _plain(header[1])
            found = number if here and here == table else found
        elif (assignment := _ASSIGNMENT.match(line)) and _holds(_path(here, _plain(assignment[1])), wanted):
            return number
    return found


def _path(table: str, key: str) -> str:
    return f"{table}.{key}" if table else key


def _plain(name: str) -> str:
    return name.replace('"', "").replace("'", "").strip()


def _holds(assigned: str, wanted: str) -> bool:
    """Whether the key is assigned here, by itself or within an inline table."""
    return wanted == assigned or wanted.startswith(f"{assigned}.")
