"""Temporal's own metrics (latencies, slots, pollers), exported by its Rust core: no cost in Python.

They follow the OTLP variables. Other exporters (console, Prometheus) get ours only.
"""

from datetime import timedelta

from opentelemetry.sdk.resources import Resource
from temporalio.runtime import OpenTelemetryConfig, OpenTelemetryMetricTemporality, Runtime, TelemetryConfig

from heliograph.telemetry import environment
from heliograph.telemetry.environment import Signal

_TAGS = ("service.name", "service.instance.id", "service.version")


class _Installed:
    runtime: Runtime | None = None


def install_runtime(runtime: Runtime | None) -> None:
    """Called by `start_telemetry`; None: clients made from now on use Temporal's default again."""
    _Installed.runtime = runtime


def temporal_runtime() -> Runtime | None:
    """For `Client.connect(runtime=…)`; None, Temporal's default, when its metrics are not exported."""
    return _Installed.runtime


def exporting_runtime(resource: Resource) -> Runtime | None:
    """A runtime whose metrics go over OTLP; None when they are not wanted."""
    if not any(name.startswith("otlp") for name in environment.exporter_names(Signal.METRICS)):
        return None
    tags = {name.replace(".", "_"): str(resource.attributes[name]) for name in _TAGS if name in resource.attributes}
    telemetry = TelemetryConfig(metrics=_over_otlp(), global_tags=tags, attach_service_name=False)
    return Runtime(telemetry=telemetry)


def _over_otlp() -> OpenTelemetryConfig:
    temporality = OpenTelemetryMetricTemporality
    return OpenTelemetryConfig(
        url=environment.otlp_metrics_url(),
        headers=environment.otlp_metrics_headers(),
        metric_periodicity=timedelta(milliseconds=environment.metric_interval_milliseconds()),
        metric_temporality=temporality.DELTA if environment.delta_temporality() else temporality.CUMULATIVE,
        durations_as_seconds=True,
        http=environment.otlp_protocol(Signal.METRICS) != "grpc",
    )
