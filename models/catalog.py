"""Which models this service has: a TOML file read into frozen entries, with every mistake named at once.

A file holds `default`, `[aliases]` and one `[models.ID]` table per model, whose `family` decides its other keys.
Without a file of your own, `models/catalog.toml` is read. Imports no torch.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from models.catalog_entries import DiffusersModel, GanModel, TestcardModel, TransformerModel
from models.catalog_lines import line_of

BUILT_IN = Path(__file__).with_name("catalog.toml")
TOP_LEVEL = {"default", "aliases", "models"}

ModelEntry: TypeAlias = TestcardModel | TransformerModel | GanModel | DiffusersModel
_ENTRY: TypeAdapter[ModelEntry] = TypeAdapter(Annotated[ModelEntry, Field(discriminator="family")])


class CatalogError(Exception):
    """The file cannot be used; the message names file, line, table and key of every mistake."""


class UnknownModel(LookupError):
    """No model and no alias has this name."""

    def __init__(self, name: str, known: Mapping[str, ModelEntry]) -> None:
        super().__init__(f"there is no model {name!r}; there are: {', '.join(known)}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Catalog:
    """The models by id, other names for them, and the id of the one that is meant when none is named."""

    default: str
    aliases: Mapping[str, str]
    models: Mapping[str, ModelEntry]

    def resolve(self, name: str | None) -> ModelEntry:
        """Find the model of this id or alias; None means the default.

        Raises:
            UnknownModel: nothing has this name.
        """
        model_id = self.default if name is None else self.aliases.get(name, name)
        if model_id not in self.models:
            raise UnknownModel(model_id, self.models)
        return self.models[model_id]


def load_catalog(path: Path | None = None) -> Catalog:
    """Read the list of models from `path`, or the built-in one.

    Raises:
        CatalogError: the file is missing, is no TOML, or says something wrong; all mistakes in one message.
    """
    path = path or BUILT_IN
    text = _read(path)
    content = _parse(path, text)
    tables = _table(content, "models")
    models, problems = _entries(tables, path.parent)
    problems += _contradictions(content, tables)
    if problems:
        raise CatalogError("\n".join(_located(path, text, problem) for problem in problems))
    return Catalog(content["default"], _table(content, "aliases"), models)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"{path}: cannot be read: {error}") from error


def _located(path: Path, text: str, problem: str) -> str:
    line = line_of(text, problem)
    return f"{path}: {problem}" if line is None else f"{path}:{line}: {problem}"


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogError(f"{path}: is not valid TOML: {error}") from error


def _entries(tables: dict[str, Any], folder: Path) -> tuple[dict[str, ModelEntry], list[str]]:
    """Validate each model's table; its sources are relative to `folder`."""
    models, problems = {}, []
    for model_id, table in tables.items():
        if not isinstance(table, dict):
            problems.append(f"[models] {model_id}: must be a table")
            continue
        try:
            known = {"id": model_id, "folder": folder}
            models[model_id] = _ENTRY.validate_python({"id": model_id, **table}, context=known)
        except ValidationError as error:
            problems += [f"[models.{model_id}] {problem}" for problem in _explained(error)]
    return models, problems


def _explained(error: ValidationError) -> Iterator[str]:
    """Say each mistake of a table as `key: what is wrong`."""
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"][1:]) or "family"
        match problem["type"]:
            case "extra_forbidden":
                yield f"{key}: unknown key"
            case "missing" | "union_tag_not_found":
                yield f"{key}: is required"
            case "union_tag_invalid":
                yield f"{key}: must be one of {problem['ctx']['expected_tags']}"
            case _:
                yield f"{key}: {problem['msg'].removeprefix('Value error, ')}"


def _contradictions(content: dict[str, Any], tables: dict[str, Any]) -> list[str]:
    """Find what is wrong between the tables: names that lead nowhere, or to two things."""
    problems = [f"{key}: unknown key" for key in content if key not in TOP_LEVEL]
    problems += [
        f"{key}: must be a table" for key in ("aliases", "models") if not isinstance(content.get(key, {}), dict)
    ]
    if not tables:
        problems.append("[models]: lists no model")
    if content.get("default") not in list(tables):
        problems.append(f"default: must be the id of a model, not {content.get('default')!r}")
    return problems + list(_wrong_aliases(_table(content, "aliases"), tables))


def _wrong_aliases(aliases: dict[str, Any], tables: dict[str, Any]) -> Iterator[str]:
    for alias, target in aliases.items():
        if alias in tables:
            yield f"[aliases] {alias}: is the id of a model"
        if target not in list(tables):
            yield f"[aliases] {alias}: must be the id of a model, not {target!r}"


def _table(content: dict[str, Any], key: str) -> dict[str, Any]:
    found = content.get(key, {})
    return found if isinstance(found, dict) else {}
