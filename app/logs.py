"""One structured log on standard error for all processes: ours line by line, other libraries' warnings with it."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from app.settings import Settings
from app.tracing import add_trace_id

_SHARED: tuple[structlog.typing.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    add_trace_id,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure_logs(settings: Settings) -> None:
    """Set the log up, once for each process; calling it again replaces what was set.

    Libraries are heard from warnings on: below that, some write requests, bodies and signed addresses.
    """
    renderer = _renderer(settings)
    structlog.configure(
        processors=[*_SHARED, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    foreign = logging.StreamHandler(sys.stderr)
    foreign.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    logging.basicConfig(handlers=[foreign], level=logging.WARNING, force=True)
    logging.getLogger("uvicorn.error").setLevel(settings.log_level.upper())


def _renderer(settings: Settings) -> list[Any]:
    """Render for people on a terminal, for machines elsewhere; tracebacks never show variables."""
    on_terminal = settings.log_format == "auto" and sys.stderr.isatty()
    if on_terminal or settings.log_format == "console":
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
