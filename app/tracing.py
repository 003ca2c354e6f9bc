"""Traces of requests, by FastAPI's own OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT says where to send them.

Only its spans: its logs carry messages of exceptions, and its metrics are ours in another form. Of a span only what
cannot identify a person is sent: neither the path as it was called, nor its query, nor who called.
"""

import os
from collections.abc import Sequence
from typing import Final

from fastapi.telemetry import TelemetryConfig

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


class TracingNotInstalled(Exception):
    """Traces are asked for, and what sends them is not installed."""


def configured() -> TelemetryConfig:
    """Read the standard variables: without an endpoint there are no traces, and nothing is loaded for them."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return {"tracing": False, "metrics": False, "logs": False}
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.trace import ReadableSpan, TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult  # noqa: PLC0415
    except ImportError as error:
        raise TracingNotInstalled(
            "traces need the extra stayline[trace]; else unset OTEL_EXPORTER_OTLP_ENDPOINT"
        ) from error

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
