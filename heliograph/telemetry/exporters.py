"""Finds exporters by name among what is installed, the way every OpenTelemetry distribution does."""

from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Any

from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status
from opentelemetry.util.types import Attributes

from heliograph.errors import InvalidInput
from heliograph.telemetry.environment import Signal, exporter_names
from heliograph.telemetry.redaction import redacted


def span_exporters() -> list[SpanExporter]:
    """The exporters of spans that the environment names."""
    return [_load(name, Signal.TRACES)() for name in exporter_names(Signal.TRACES)]


def metric_readers() -> list[MetricReader]:
    """The readers of metrics that the environment names: pulling ones as they are, pushing ones on their interval."""
    made: list[MetricExporter | MetricReader] = [
        _load(name, Signal.METRICS)() for name in exporter_names(Signal.METRICS)
    ]
    return [each if isinstance(each, MetricReader) else PeriodicExportingMetricReader(each) for each in made]


def _load(name: str, signal: Signal) -> Any:
    group = f"opentelemetry_{signal}_exporter"
    found = list(entry_points(group=group, name=name))
    if not found:
        known = ", ".join(sorted({entry.name for entry in entry_points(group=group)}))
        raise InvalidInput.of(
            f"OTEL_{signal.upper()}_EXPORTER", f"no exporter {name!r} is installed: there are {known}, otlp and none"
        )
    return found[0].load()


class RedactingSpanExporter(SpanExporter):
    """Takes personal data out of every text of a span on its way out: exceptions carry what libraries put there."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Passes the spans on, redacted. Runs on the exporting thread."""
        return self._exporter.export([_redacted_span(span) for span in spans])

    def shutdown(self) -> None:
        """Closes the exporter behind it."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flushes the exporter behind it."""
        return self._exporter.force_flush(timeout_millis)


def _redacted_span(span: ReadableSpan) -> ReadableSpan:
    description = span.status.description
    return ReadableSpan(
        name=redacted(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_redacted_attributes(span.attributes),
        events=[Event(event.name, _redacted_attributes(event.attributes), event.timestamp) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code, redacted(description) if description else None),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _redacted_attributes(attributes: Attributes) -> Attributes:
    return {name: redacted(value) if isinstance(value, str) else value for name, value in (attributes or {}).items()}
