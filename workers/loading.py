"""Loads the models of the catalogue and tries each, once, before the worker registers."""

from __future__ import annotations

import time
from pathlib import Path

import structlog

from app.settings import Settings
from models.catalog import Catalog, load_catalog
from models.families import load_generator
from models.interface import ImageGenerator
from workers.metrics import WorkerMetrics
from workers.warming import warm_up

log = structlog.get_logger()

_PAGE_BYTES = 4096


def load_generators(settings: Settings, metrics: WorkerMetrics) -> dict[str, ImageGenerator]:
    """Load every model of the catalogue, draw a picture with it, and return the generators by model id.

    Raises:
        CatalogError: the list of models cannot be used.
        ModelCannotDraw: a model was loaded in vain.
        Exception: a model cannot be loaded; its family says why.
    """
    generators = {}
    for model, entry in load_catalog(settings.models_file).models.items():
        started, memory = time.monotonic(), _memory_bytes()
        generator = load_generator(entry, device=settings.device, dtype=settings.dtype)
        loaded = time.monotonic()
        warm_up(model, generator)
        ready = time.monotonic()
        metrics.model_loaded(model, seconds=ready - started, memory_bytes=max(0, _memory_bytes() - memory))
        times = {"load_seconds": round(loaded - started, 2), "warm_up_seconds": round(ready - loaded, 2)}
        log.info("model_loaded", model=model, **times, **generator.description)
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
