"""Loads the models of the catalogue and tries each, once, before the worker registers."""

from __future__ import annotations

from functools import partial

from app.settings import Settings
from models.catalog import load_catalog
from models.families import load_generator
from workers.ledger import Ledger
from workers.metrics import WorkerMetrics
from workers.served_models import ServedModels
from workers.warming import warm_up


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
    load = partial(load_generator, device=settings.device, dtype=settings.dtype)
    models = ServedModels(load, Ledger(settings.model_memory_bytes), metrics, try_out=warm_up)
    for entry in sorted(catalog.models.values(), key=lambda entry: entry.id == catalog.default):
        models.serve(entry)
    return models
