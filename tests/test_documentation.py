"""Words are checked: what the documentation lists is what the code has."""

import re
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


@pytest.mark.parametrize("page", ["settings.md", "errors.md", "metrics.md"])
def test_the_short_tables_of_the_readme_are_parts_of_the_full_ones(page):
    """Each row of a reference table in the README stands in its page word for word."""
    readme = (DOCS.parent / "README.md").read_text()
    table = readme.partition(f"[all of them](docs/{page})")[2].partition("\n\n|")[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    assert len(rows) == 10
    assert set(rows) <= set((DOCS / page).read_text().splitlines())


@pytest.mark.parametrize(("model", "side"), [("easel-transformer", 128), ("easel-gan", 256)])
def test_the_python_examples_of_the_readme_draw(model, side):
    """The README's lines of Python, run as they stand, give a picture with each bundled generator."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS.parent / "README.md").read_text(), flags=re.DOTALL)
    names = {}
    exec(next(block for block in blocks if f'from_pretrained("{model}")' in block), names)  # noqa: S102 - our own README
    assert names["image"].shape == (side, side, 3)
    assert names["image"].std() > 20
