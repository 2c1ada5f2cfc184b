"""Reads settings from files: `EASEL_URL_SECRET_FILE=/run/secrets/url` sets `EASEL_URL_SECRET`.

The habit of container platforms, which mount secrets as files so that no environment shows them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource


class SettingFileError(ValueError):
    """A setting's file cannot be used; the message names the variable."""


class SettingFiles(PydanticBaseSettingsSource):
    """Gives each field the content of the file that its variable with `_FILE` at the end names."""

    def __init__(self, settings_class: type[BaseSettings]) -> None:
        super().__init__(settings_class)
        self._prefix = settings_class.model_config.get("env_prefix", "")

    def __call__(self) -> dict[str, Any]:
        """Return the fields that are set by files; where that fails, the error takes the value's place.

        So a wrong file is reported together with all other wrong settings.
        """
        fields = self.settings_cls.model_fields.items()
        values = {name: self.get_field_value(field, name)[0] for name, field in fields}
        return {name: value for name, value in values.items() if value is not None}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | SettingFileError | None, str, bool]:  # noqa: ARG002 - the base class's
        """Return the file's content without the line's end, or why there is none; the field's name; no JSON."""
        variable = f"{self._prefix}{field_name}".upper()
        path = os.environ.get(f"{variable}_FILE")
        if path is None or f"{field_name}_file" in self.settings_cls.model_fields:
            return None, field_name, False
        if variable in os.environ:
            return SettingFileError(f"{variable} and {variable}_FILE are both set"), field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n"), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            return SettingFileError(f"{variable}_FILE cannot be read: {error}"), field_name, False
