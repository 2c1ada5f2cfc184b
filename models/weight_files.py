"""Which files hold a model's weights, and how large they are, known before anything is loaded. Imports no torch."""

from __future__ import annotations

import json
from pathlib import Path

from models.catalog import ModelEntry
from models.catalog_entries import DiffusersModel, TestcardModel

_PARTS = "parts.json"  # models.bundles says what it is


def weight_files(entry: ModelEntry) -> list[Path]:
    """List the model's safetensors files; none for a model without weights, or of the hub.

    Raises:
        OSError, ValueError: what says where they are cannot be read.
    """
    match entry:
        case TestcardModel():
            return []
        case DiffusersModel():
            folder = Path(entry.source)
            return _of_variant(_below(folder), entry.variant) if folder.is_absolute() else []
        case _:
            folders = [entry.folder, *_shared(entry.folder)]
            return [file for folder in folders for file in _below(folder)]


def adapter_files(entry: ModelEntry) -> list[Path]:
    """List the files of the model's adapters, except those of the hub; one that is missing is listed, too."""
    adapters = entry.adapters if isinstance(entry, DiffusersModel) else ()
    return [adapter.file for adapter in adapters if adapter.file is not None]


def weight_bytes(entry: ModelEntry) -> int:
    """Add up what they hold: about what the model will occupy, if it is loaded in the number format of its files."""
    try:
        return sum(file.stat().st_size for file in [*weight_files(entry), *adapter_files(entry)])
    except (OSError, ValueError):
        return 0  # loading will say what is wrong with it


def _below(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors"))


def _shared(folder: Path) -> list[Path]:
    """Folders of parts that are shared with other models."""
    file = folder / _PARTS
    return [folder / part for part in json.loads(file.read_text(encoding="utf-8")).values()] if file.exists() else []


def _of_variant(files: list[Path], variant: str | None) -> list[Path]:
    """Keep the variant's files where there are any, as diffusers does."""
    chosen = [file for file in files if variant and f".{variant}" in file.name]
    return chosen or [file for file in files if file.name.count(".") == 1] or files
