"""Loads the models of the catalogue, once, before the worker registers."""

from __future__ import annotations

import time
from pathlib import Path

import structlog

from app.settings import Settings
from models.catalog import Catalog, load_catalog
from models.families import load_generator
from models.interface import ImageGenerator
from workers.metrics import WorkerMetrics

log = structlog.get_logger()

_PAGE_BYTES = 4096


def load_generators(settings: Settings, metrics: WorkerMetrics) -> dict[str, ImageGenerator]:
    """Load every model of the catalogue and return the generators by model id.

    Raises:
        CatalogError: the list of models cannot be used.
        Exception: a model cannot be loaded; its family says why.
    """
    generators = {}
    for model, entry in load_catalog(settings.models_file).models.items():
        started, memory = time.monotonic(), _memory_bytes()
        generator = load_generator(entry, device=settings.device, dtype=settings.dtype)
        seconds = time.monotonic() - started
        metrics.model_loaded(model, seconds=seconds, memory_bytes=max(0, _memory_bytes() - memory))
        log.info("model_loaded", model=model, seconds=round(seconds, 2), **generator.description)
        generators[model] = generator
    return generators


def max_batch_costs(catalog: Catalog) -> dict[str, float]:
    """Return what a batch may cost, for the models whose entry says so."""
    return {model: float(entry.max_batch_cost) for model, entry in catalog.models.items() if entry.max_batch_cost}


def _memory_bytes() -> int:
    """Measure what this process occupies: on the accelerator, if it uses one, else in main memory."""
    import sys  # noqa: PLC0415

    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return int(torch.cuda.memory_allocated())
    resident_pages = int(Path("/proc/self/statm").read_text().split()[1])
    return resident_pages * _PAGE_BYTES
