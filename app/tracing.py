"""One trace for each job, by OpenTelemetry: from the request through the queue to the batch and the store.

The API package alone does nothing and costs next to nothing; `configure_tracing` makes it record and send.
FastAPI records the request's span by itself. A job carries its W3C `traceparent` in its message, so that
whichever worker draws it goes on with the trace.
"""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from typing import Any

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.errors import EaselError
from app.settings import Settings

_PROPAGATOR = TraceContextTextMapPropagator()
_NANOSECONDS = 1_000_000_000

_NOT_TRACED = ("/files/", "/healthz", "/readyz", "/metrics")  # signed addresses, and what asks every few seconds


def _is_not_traced(scope: MutableMapping[str, Any]) -> bool:
    return str(scope.get("path", "")).startswith(_NOT_TRACED)


TELEMETRY: TelemetryConfig = {"metrics": False, "logs": False, "operation_spans": False, "exclude": _is_not_traced}
"""What FastAPI is to record: one span for each request that clients make on purpose."""

tracer = trace.get_tracer("easel")


class TracingNotInstalledError(EaselError):
    """Traces are wanted, and the packages that send them are missing."""


def configure_tracing(settings: Settings, part: str) -> None:
    """Record this process' spans and send them in the background, if the settings name an address.

    `part` is `gateway` or `worker`.

    Raises:
        TracingNotInstalledError: the extra `tracing` is not installed.
    """
    if settings.trace_endpoint is None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise TracingNotInstalledError(
            f"EASEL_TRACE_ENDPOINT needs {error.name}: pip install 'easel[tracing]'"
        ) from error
    provider = TracerProvider(resource=Resource({"service.name": f"easel-{part}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(settings.trace_endpoint)))
    trace.set_tracer_provider(provider)


def context_of(carrier: dict[str, str]) -> Context:
    """Read the context that `traceparent` and `tracestate` in the carrier name, or an empty one."""
    return _PROPAGATOR.extract(carrier, context=Context())


def current_traceparent() -> str | None:
    """Return the current span in W3C's form, for a message; None when nothing is recorded."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent")


def hide_query() -> None:
    """Take the address's query out of the current span: it may hold a client's notes, or a key in the wrong place."""
    span = trace.get_current_span()
    if span.is_recording():
        span.set_attribute("url.query", "REDACTED")


def link_to(traceparent: str | None) -> None:
    """Link the current span to the one that a job carries."""
    if traceparent is not None:
        trace.get_current_span().add_link(_span_context(traceparent))


def record_span(name: str, start: float, end: float, context: Context, **attributes: Any) -> Context:
    """Record something that is over, from `start` to `end` in Unix seconds; return the context of its parts."""
    start_ns, end_ns = round(start * _NANOSECONDS), round(end * _NANOSECONDS)
    span = tracer.start_span(name, context=context, start_time=start_ns, attributes=attributes)
    span.end(end_ns)
    return trace.set_span_in_context(span, Context())


def unix_time(monotonic: float) -> float:
    """Turn a reading of `time.monotonic` into Unix seconds."""
    return time.time() - time.monotonic() + monotonic


def add_trace_id(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Let each line of the log that belongs to a span name its trace (a processor of structlog)."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = trace.format_trace_id(span.trace_id)
    return event


def _span_context(traceparent: str) -> trace.SpanContext:
    return trace.get_current_span(context_of({"traceparent": traceparent})).get_span_context()
