"""What the settings are and where each comes from, without showing a secret."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from app.settings import Settings

PREFIX = "EASEL_"
HIDDEN = "********"
CLIENT_VARIABLES = frozenset({"EASEL_SERVER_URL", "EASEL_API_KEY"})  # read by `easel generate` and its like

Source = Literal["default", "variable", "file"]


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One setting as it may be shown."""

    variable: str
    value: str
    source: Source


def setting_lines(settings: Settings, environment: Mapping[str, str] = os.environ) -> Iterator[SettingLine]:
    """Yield every setting in the order of its definition, secrets and passwords hidden."""
    for name in type(settings).model_fields:
        variable = f"{PREFIX}{name}".upper()
        source: Source = "variable" if variable in environment else "default"
        if f"{variable}_FILE" in environment and f"{name}_file" not in type(settings).model_fields:
            source = "file"
        yield SettingLine(variable, _shown(getattr(settings, name)), source)


def unknown_variables(environment: Mapping[str, str] = os.environ) -> dict[str, str | None]:
    """Find `EASEL_*` variables that nothing reads, each with the name that was probably meant."""
    names = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    known = names | {f"{name}_FILE" for name in names} | CLIENT_VARIABLES
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    return {name: next(iter(difflib.get_close_matches(name, known, n=1)), None) for name in unknown}


def _shown(value: Any) -> str:
    if value is None:
        return "unset"
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, bool):
        return str(value).lower()
    return without_password(str(value))


def without_password(text: str) -> str:
    """Hide the password of a URL that has one; other text stays as it is."""
    password = urlsplit(text).password if "://" in text else None
    return text.replace(f":{password}@", f":{HIDDEN}@", 1) if password else text
