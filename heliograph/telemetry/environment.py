"""What the standard OTEL_* variables ask for. The OpenTelemetry SDK reads the rest of them itself.

A signal is exported when its exporter is named (`OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER`), or when an OTLP
endpoint is given and no exporter is: the specification's default exporter is `otlp`. Nothing set: nothing exported.
OTLP goes over `http/protobuf` unless a protocol is named, which is the specification's default too.
"""

import os
from enum import StrEnum
from urllib.parse import unquote

from heliograph.errors import InvalidInput

_ON = "true"
_OTLP = "otlp"
_OTLP_OF_PROTOCOL = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}


class Signal(StrEnum):
    """What can be exported."""

    TRACES = "traces"
    METRICS = "metrics"


def _read(name: str) -> str:
    return os.environ.get(name, "").strip()


def sdk_disabled() -> bool:
    """Whether `OTEL_SDK_DISABLED` turns everything off."""
    return _read("OTEL_SDK_DISABLED").lower() == _ON


def otlp_protocol(signal: Signal) -> str:
    """The transport of OTLP for a signal."""
    name = f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL"
    return _read(name) or _read("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"


def exporter_names(signal: Signal) -> tuple[str, ...]:
    """The entry points of the exporters asked for, none when the signal is off."""
    if sdk_disabled():
        return ()
    asked = _read(f"OTEL_{signal.upper()}_EXPORTER") or (_OTLP if _endpoint_given(signal) else "none")
    names = [name.strip() for name in asked.split(",") if name.strip()]
    if "none" in (name.lower() for name in names):
        return ()
    return tuple(_entry_point_name(name, signal) for name in names)


def _endpoint_given(signal: Signal) -> bool:
    return bool(_read("OTEL_EXPORTER_OTLP_ENDPOINT") or _read(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"))


def _entry_point_name(name: str, signal: Signal) -> str:
    if name.lower() != _OTLP:
        return name
    protocol = otlp_protocol(signal)
    entry_point = _OTLP_OF_PROTOCOL.get(protocol)
    if entry_point is None:
        raise InvalidInput.of(
            "OTEL_EXPORTER_OTLP_PROTOCOL", f"{protocol!r} is not one of {', '.join(_OTLP_OF_PROTOCOL)}"
        )
    return entry_point


def otlp_metrics_url() -> str:
    """Where OTLP metrics go, as the specification joins endpoint and path."""
    grpc = otlp_protocol(Signal.METRICS) == "grpc"
    if own := _read("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"):
        return own
    base = _read("OTEL_EXPORTER_OTLP_ENDPOINT")
    if grpc:
        return base or "http://localhost:4317"
    return (base or "http://localhost:4318").rstrip("/") + "/v1/metrics"


def otlp_metrics_headers() -> dict[str, str]:
    """The headers of OTLP metrics: `name=value` pairs, percent-encoded."""
    text = _read("OTEL_EXPORTER_OTLP_METRICS_HEADERS") or _read("OTEL_EXPORTER_OTLP_HEADERS")
    pairs = (entry.partition("=") for entry in text.split(",") if "=" in entry)
    return {unquote(name).strip().lower(): unquote(value).strip() for name, _, value in pairs}


def metric_interval_milliseconds() -> int:
    """Between two exports of metrics."""
    text = _read("OTEL_METRIC_EXPORT_INTERVAL") or "60000"
    if not text.isdecimal() or int(text) == 0:
        raise InvalidInput.of("OTEL_METRIC_EXPORT_INTERVAL", f"{text!r} is not a number of milliseconds above 0")
    return int(text)


def delta_temporality() -> bool:
    """Whether counters are exported as differences."""
    return _read("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE").lower() == "delta"
