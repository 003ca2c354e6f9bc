"""Traces of requests, by FastAPI's own OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT says where to send them.

Only its spans: its logs carry messages of exceptions, and its metrics are ours in another form. Of a span only what
cannot identify a person is sent: neither the path as it was called, nor its query, nor who called.
"""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final

from fastapi.telemetry import TelemetryConfig

from app.errors import Unavailable

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SENT: Final = frozenset(
    {
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "network.protocol.version",
        "url.scheme",
        "error.type",
        "code.function.name",
    }
)


class TracingNotInstalled(Unavailable):
    """Traces are asked for, and what sends them is not installed."""


def is_wanted() -> bool:
    return any(os.environ.get(name) for name in ENDPOINTS)


def require_installed() -> None:
    """Raise TracingNotInstalled where traces could not be sent."""
    if is_wanted() and find_spec("opentelemetry.exporter") is None:
        raise TracingNotInstalled("traces need the extra stayline[trace]; or unset OTEL_EXPORTER_OTLP_ENDPOINT")


def configured() -> TelemetryConfig:
    """Read the standard variables: without an endpoint there are no traces, and nothing is loaded for them."""
    if not is_wanted():
        return {"tracing": False, "metrics": False, "logs": False}
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult  # noqa: PLC0415

    class Impersonal(OTLPSpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            return super().export([_impersonal(span) for span in spans])

    def _impersonal(span: ReadableSpan) -> ReadableSpan:
        return ReadableSpan(
            name=span.name,
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes={name: value for name, value in (span.attributes or {}).items() if name in SENT},
            kind=span.kind,
            status=span.status,
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Impersonal()))
    return {"tracer_provider": provider, "metrics": False, "logs": False, "auto_configure": False}
