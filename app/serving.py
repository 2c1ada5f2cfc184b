"""Serve the gateway with uvicorn, on an address of its own or on a socket that a supervisor has bound."""

from __future__ import annotations

import uvicorn

from app.logs import configure_logs
from app.main import create_app
from app.settings import Settings

DRAIN_SECONDS = 5  # for answers under way; long polls are cut, their jobs go on


def serve(settings: Settings, *, fd: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT; logs go through the service's own structured log."""
    configure_logs(settings)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        fd=fd,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
