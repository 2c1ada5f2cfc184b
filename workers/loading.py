"""Loads the models of the catalogue and tries each, once, before the worker registers."""

from __future__ import annotations

import time
from functools import partial

import structlog

from app.settings import Settings
from models.catalog import ModelEntry, load_catalog
from models.families import load_generator
from models.interface import ImageGenerator
from workers.ledger import Ledger
from workers.metrics import WorkerMetrics
from workers.served_models import ServedModels
from workers.warming import warm_up

log = structlog.get_logger()


def serve_catalog(settings: Settings, metrics: WorkerMetrics) -> ServedModels:
    """Load every model of the catalogue and draw a picture with it; those that have no room go again.

    The default model is loaded last, so that it stays.

    Raises:
        CatalogError: the list of models cannot be used.
        ModelCannotDraw: a model was loaded in vain.
        ModelTooLarge: a model does not fit into `EASEL_MODEL_MEMORY_BYTES`.
        Exception: a model cannot be loaded; its family says why.
    """
    catalog = load_catalog(settings.models_file)
    models = ServedModels(partial(load_and_try, settings=settings), Ledger(settings.model_memory_bytes), metrics)
    for entry in sorted(catalog.models.values(), key=lambda entry: entry.id == catalog.default):
        models.serve(entry)
    return models


def load_and_try(entry: ModelEntry, settings: Settings) -> ImageGenerator:
    """Load a model and draw a picture with it.

    Raises:
        ModelCannotDraw: it was loaded in vain.
        Exception: it cannot be loaded; its family says why.
    """
    started = time.monotonic()
    generator = load_generator(entry, device=settings.device, dtype=settings.dtype)
    loaded = time.monotonic()
    warm_up(entry.id, generator)
    times = {
        "load_seconds": round(loaded - started, 2),
        "warm_up_seconds": round(time.monotonic() - loaded, 2),
    }
    log.info("model_loaded", model=entry.id, **times, **generator.description)
    return generator
