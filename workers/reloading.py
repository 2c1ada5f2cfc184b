"""Reads the list of models again when a signal has asked for it: between batches, so that none is disturbed."""

from __future__ import annotations

import structlog

from app.settings import Settings
from models.catalog import Catalog, CatalogError, ModelEntry, load_catalog
from workers.served_models import ServedModels

log = structlog.get_logger()


class CatalogReload:
    """A request, made at any moment, to serve what the catalogue lists now."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.models_file
        self._is_asked_for = False

    def ask(self) -> None:
        """Have it read again; safe in a signal handler."""
        self._is_asked_for = True

    def if_asked(self, models: ServedModels) -> None:
        """Serve what is new or changed, once it was loaded and has drawn, and nothing that is gone.

        A file with mistakes changes nothing. A model that cannot be loaded is as it was before: not served, or served
        by its old entry.
        """
        if not self._is_asked_for:
            return
        self._is_asked_for = False
        try:
            catalog = load_catalog(self._path)
        except CatalogError as error:
            log.error("catalog_refused", problems=str(error).splitlines())  # noqa: TRY400 - it names its place itself
            return
        _serve(catalog, models)


def _serve(catalog: Catalog, models: ServedModels) -> None:
    for model in set(models) - catalog.models.keys():
        models.withdraw(model)
    for entry in catalog.models.values():
        if models.entry(entry.id) != entry:
            _try_to_serve(entry, models)
    log.info("catalog_read", models=list(models), not_served=sorted(catalog.models.keys() - set(models)))


def _try_to_serve(entry: ModelEntry, models: ServedModels) -> None:
    try:
        models.serve(entry)
    except Exception as error:
        log.exception("model_not_served", model=entry.id, reason=f"{type(error).__name__}: {error}")
