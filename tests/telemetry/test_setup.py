"""The standard OTEL_* variables decide what is exported, and nothing else does."""

import json
import subprocess
import sys
import time

import pytest

from heliograph.contracts import Lane
from heliograph.errors import Defect, InvalidInput
from heliograph.telemetry import metrics, tracing
from heliograph.telemetry.metrics import Bucket, record_pacing_wait
from heliograph.telemetry.setup import start_telemetry
from tests.telemetry.conftest import Collector, Watched


def test_without_variables_nothing_is_made() -> None:
    with start_telemetry("worker") as telemetry:
        assert not telemetry.enabled
        assert telemetry.runtime is None
        assert tracing.tracer() is None
        assert metrics.meter() is None
        with tracing.span("nothing") as span:
            assert not span.is_recording()


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "none",
        },
    ],
)
def test_disabled_is_disabled_whatever_else_is_set(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with start_telemetry("worker") as telemetry:
        assert not telemetry.enabled


def test_an_endpoint_alone_turns_traces_and_metrics_on(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b")
    with start_telemetry("worker"), tracing.span("work"):
        record_pacing_wait(Bucket.SENDER, Lane.BULK, 0.2)
    [request] = collector.traces
    assert request.resource_spans[0].scope_spans[0].spans[0].name == "work"
    assert collector.service_names() == {"heliograph-worker"}
    assert "heliograph.pacing.wait" in collector.metric_names()
    assert collector.headers[0]["x-tenant"] == "a b"


def test_one_signal_can_be_had_without_the_other(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector.url + "/v1/traces")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    with start_telemetry("api") as telemetry:
        assert telemetry.meter_provider is None
        with tracing.span("work"):
            pass
    assert collector.service_names() == {"mine"}


def test_the_sampler_variable_is_followed(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with start_telemetry("api"), tracing.span("work"):
        pass
    assert collector.traces == []


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin", "no exporter 'zipkin' is installed"),
        ("OTEL_METRICS_EXPORTER", "prometheus", "no exporter 'prometheus' is installed"),
    ],
)
def test_an_exporter_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, rule: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=f"{name}: {rule}"):
        start_telemetry("api")


@pytest.mark.parametrize(
    ("name", "value"),
    [("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"), ("OTEL_METRIC_EXPORT_INTERVAL", "often")],
)
def test_a_value_that_cannot_be_followed_is_named(
    monkeypatch: pytest.MonkeyPatch, collector: Collector, name: str, value: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=name):
        start_telemetry("api")


def test_starting_twice_in_a_process_is_a_defect(watched: Watched) -> None:
    with pytest.raises(Defect, match="started already"):
        start_telemetry("api")


def test_the_console_exporter_prints_spans_at_the_end_of_a_process() -> None:
    code = (
        "from heliograph.telemetry.setup import start_telemetry\n"
        "from heliograph.telemetry.tracing import span\n"
        "with start_telemetry('cli'), span('work'): pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"OTEL_TRACES_EXPORTER": "console"}, capture_output=True, check=True
    )
    assert json.loads(done.stdout)["name"] == "work"


def test_spans_leave_without_personal_data(watched: Watched) -> None:
    with pytest.raises(ValueError, match="refused"), tracing.span("work", {"note": "for anna@example.com"}):
        raise ValueError("+49 151 12345678 was refused: body='Hi Anna'")
    text = watched.span("work").to_json()
    assert "[phone]" in text
    for gone in ("12345678", "anna@", "Hi Anna"):
        assert gone not in text


def test_a_collector_that_is_away_does_not_hold_the_end_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    telemetry = start_telemetry("api")
    with tracing.span("work"):
        record_pacing_wait(Bucket.SENDER, Lane.BULK, 0.2)
    started = time.monotonic()
    telemetry.shutdown(seconds=0.2)
    assert time.monotonic() - started < 2
    assert not telemetry.enabled
