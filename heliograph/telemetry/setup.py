"""Starts and stops telemetry in a process: first thing in each entry point, before a Temporal client is made."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from types import TracebackType
from typing import Self

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from temporalio.runtime import Runtime

from heliograph.errors import Defect
from heliograph.telemetry.exporters import RedactingSpanExporter, metric_readers, span_exporters
from heliograph.telemetry.metrics import install_meter
from heliograph.telemetry.runtime import exporting_runtime, install_runtime
from heliograph.telemetry.tracing import SCOPE, install_tracer

_UNNAMED = "unknown_service"


@dataclass
class Telemetry:
    """What is running in this process. As a context manager it shuts itself down, which exports what is left."""

    service: str
    tracer_provider: TracerProvider | None
    meter_provider: MeterProvider | None
    runtime: Runtime | None  # Temporal's, exporting its own metrics; `temporal.client.connect` takes it

    @property
    def enabled(self) -> bool:
        """Whether anything is exported."""
        return self.tracer_provider is not None or self.meter_provider is not None

    def shutdown(self, seconds: float = 5.0) -> None:
        """Exports what is left and turns everything off. Call it before the process exits, `os._exit` above all.

        A collector that is away holds the process up for `seconds` at most.
        """
        install_tracer(None)
        install_meter(None)
        install_runtime(None)
        deadline = time.monotonic() + seconds
        closing = [
            threading.Thread(target=provider.shutdown, name="telemetry shutdown", daemon=True)
            for provider in (self.tracer_provider, self.meter_provider)
            if provider is not None
        ]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join(max(0.0, deadline - time.monotonic()))
        self.tracer_provider = self.meter_provider = self.runtime = None
        _Started.telemetry = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_back: TracebackType | None
    ) -> None:
        self.shutdown()


class _Started:
    telemetry: Telemetry | None = None


def start_telemetry(
    service: str,
    *,
    extra_span_exporters: Sequence[SpanExporter] = (),
    extra_metric_readers: Sequence[MetricReader] = (),
) -> Telemetry:
    """Traces and metrics as the OTEL_* variables say; `service` is "api", "worker" or "cli".

    Without them nothing is made and nothing is exported. A variable that cannot be followed (an exporter that is
    not installed) raises `InvalidInput` naming it. `OTEL_SERVICE_NAME` overrides the name "heliograph-<service>".
    The extras serve who embeds Heliograph, and tests.
    """
    if _Started.telemetry is not None:
        raise Defect(f"telemetry was started already, as {_Started.telemetry.service!r}: shut it down first")
    exporters = [*span_exporters(), *extra_span_exporters]
    readers = [*metric_readers(), *extra_metric_readers]
    resource = _resource(service) if exporters or readers else Resource.get_empty()
    telemetry = Telemetry(
        service,
        _tracing(exporters, resource) if exporters else None,
        _metrics(readers, resource) if readers else None,
        exporting_runtime(resource),
    )
    install_runtime(telemetry.runtime)
    _Started.telemetry = telemetry
    return telemetry


def _resource(service: str) -> Resource:
    found = Resource.create({SERVICE_VERSION: version("heliograph")})
    if str(found.attributes[SERVICE_NAME]).startswith(_UNNAMED):
        found = found.merge(Resource({SERVICE_NAME: f"heliograph-{service}"}))
    return found


def _tracing(exporters: Sequence[SpanExporter], resource: Resource) -> TracerProvider:
    provider = TracerProvider(resource=resource)
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(RedactingSpanExporter(exporter)))
    trace.set_tracer_provider(provider)  # for instrumentations that others bring along
    install_tracer(provider.get_tracer(SCOPE, version("heliograph")))
    return provider


def _metrics(readers: Sequence[MetricReader], resource: Resource) -> MeterProvider:
    provider = MeterProvider(readers, resource)
    metrics.set_meter_provider(provider)
    install_meter(provider.get_meter(SCOPE, version("heliograph")))
    return provider
