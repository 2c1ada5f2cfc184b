"""Words are checked: what the documentation lists is what the code has."""

from pathlib import Path

import pytest

from app.settings import Settings

DOCS = Path(__file__).parent.parent / "docs"


def documented_default(value: object) -> str:
    if value is None:
        return "unset"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_setting_is_documented(name):
    """The table holds every setting with its default and its description."""
    field = Settings.model_fields[name]
    row = f"| `EASEL_{name.upper()}` | {documented_default(field.default)} | {field.description} |"
    assert row in (DOCS / "settings.md").read_text().splitlines()


def test_no_setting_is_documented_that_does_not_exist():
    """The table holds nothing else."""
    rows = [line for line in (DOCS / "settings.md").read_text().splitlines() if line.startswith("| `EASEL_")]
    assert len(rows) == len(Settings.model_fields)
