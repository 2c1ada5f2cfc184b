"""What `easel doctor` makes of the list of models: are the weights there, are they whole, do they fit into memory."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from app.findings import Finding, memory
from app.settings import Settings
from models.catalog import Catalog, CatalogError, ModelEntry, load_catalog
from models.catalog_entries import DiffusersModel, TestcardModel
from models.weight_files import adapter_files, weight_bytes, weight_files

_MENDS_FILES = "fetch the file again, or correct the source in the list of models"


def model_findings(settings: Settings, free_bytes: int | None) -> Iterator[Finding]:
    """Look at each model's files, and whether all fit into so much free memory; None: no worker can run here."""
    try:
        catalog = load_catalog(settings.models_file)
    except CatalogError as error:
        yield Finding("models", str(error), "correct the file; docs/models.md lists its keys")
        return
    for entry in catalog.models.values():
        yield _of_files(entry)
    if free_bytes is not None:
        yield from _of_memory(catalog, settings.model_memory_bytes, free_bytes)


def _of_files(entry: ModelEntry) -> Finding:
    name = f"{entry.id} ({entry.family})"
    if isinstance(entry, TestcardModel):
        return Finding("models", f"{name}: needs no weights")
    adapters = adapter_files(entry)
    if problem := _damage(adapters):
        return Finding("models", f"{name}: adapters: {problem}", _MENDS_FILES)
    if isinstance(entry, DiffusersModel) and not Path(entry.source).is_absolute():
        return Finding("models", f"{name}: {entry.source} of the hub is looked for when a worker loads it")
    try:
        files = weight_files(entry)
    except (OSError, ValueError) as error:
        return Finding("models", f"{name}: {error}", _MENDS_FILES)
    problem = _damage(files) if files else f"no weights in {_folder(entry)}"
    if problem:
        return Finding("models", f"{name}: {problem}", _MENDS_FILES)
    return Finding("models", f"{name}: {len(files) + len(adapters)} files of weights, {memory(weight_bytes(entry))}")


def _folder(entry: ModelEntry) -> str:
    return str(getattr(entry, "folder", None) or getattr(entry, "source", ""))


def _damage(files: list[Path]) -> str:
    """Read the headers, which say how long each file must be; return what is wrong with the first that is damaged."""
    if importlib.util.find_spec("safetensors") is None:
        return ""  # a machine for gateways
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - absent on gateways

    for file in files:
        try:
            with safe_open(file, framework="np"):
                pass
        except (OSError, SafetensorError) as error:
            return f"{file}: {error}"
    return ""


def _of_memory(catalog: Catalog, budget: int | None, free_bytes: int) -> Iterator[Finding]:
    """Compare with the free memory what stays loaded: all models, or as many as the budget lets."""
    sizes = {model: weight_bytes(entry) for model, entry in catalog.models.items()}
    for model, num_bytes in sizes.items():
        if budget is not None and num_bytes > budget:
            detail = f"{model} takes about {memory(num_bytes)}, EASEL_MODEL_MEMORY_BYTES is {memory(budget)}"
            yield Finding("memory", detail, "raise it, or take the model off the list")
    shared = {entry.shared_weights or model: sizes[model] for model, entry in catalog.models.items()}
    needed = sum(shared.values()) if budget is None else min(budget, sum(shared.values()))
    detail = f"models take about {memory(needed)} of {memory(free_bytes)} free"
    too_much = needed > free_bytes
    yield Finding("memory", detail, "set EASEL_MODEL_MEMORY_BYTES lower, or serve fewer models" if too_much else "")
