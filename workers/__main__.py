"""`python -m workers`: run one worker process from the settings until a signal stops it."""

from __future__ import annotations

import os
import sys

from app.settings import Settings
from models.catalog import CatalogError, load_catalog
from workers.ledger import ModelTooLarge
from workers.loading import serve_catalog
from workers.process import run_worker
from workers.warming import ModelCannotDraw

if __name__ == "__main__":
    settings = Settings()
    try:
        load_catalog(settings.models_file)
    except CatalogError as error:
        sys.exit(f"error: {error}")
    try:
        code = run_worker(settings, serve_catalog)
    except (ModelCannotDraw, ModelTooLarge) as error:
        sys.exit(f"error: {error}")
    sys.stderr.flush()
    os._exit(code)  # an upload that storage does not take must not hold up the end
