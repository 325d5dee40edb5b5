"""What takes measurements: OpenTelemetry's instruments, the tally for `/metrics`, or both."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from opentelemetry.metrics import Counter, Histogram, Meter

from heliograph.telemetry.instruments import INSTRUMENTS, Instrument, Kind


class Sink(Protocol):
    """What takes measurements."""

    def add(self, instrument: Instrument, count: int, attributes: Mapping[str, str]) -> None: ...
    def record(self, instrument: Instrument, values: Sequence[float], attributes: Mapping[str, str | int]) -> None: ...


class Both:
    """Two sinks as one."""

    def __init__(self, first: Sink, second: Sink) -> None:
        self._sinks = (first, second)

    def add(self, instrument: Instrument, count: int, attributes: Mapping[str, str]) -> None:
        """Counts in both."""
        for sink in self._sinks:
            sink.add(instrument, count, attributes)

    def record(self, instrument: Instrument, values: Sequence[float], attributes: Mapping[str, str | int]) -> None:
        """Adds to the distributions of both."""
        for sink in self._sinks:
            sink.record(instrument, values, attributes)


class Instruments:
    """The counters and histograms of the table on one meter."""

    def __init__(self, meter: Meter) -> None:
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        for each in INSTRUMENTS:
            if each.kind is Kind.COUNTER:
                self._counters[each.name] = meter.create_counter(each.name, each.unit, each.description)
            elif each.kind is Kind.HISTOGRAM:
                self._histograms[each.name] = meter.create_histogram(
                    each.name, each.unit, each.description, explicit_bucket_boundaries_advisory=each.buckets
                )

    def add(self, instrument: Instrument, count: int, attributes: Mapping[str, str]) -> None:
        """Counts."""
        if count > 0:
            self._counters[instrument.name].add(count, attributes)

    def record(self, instrument: Instrument, values: Iterable[float], attributes: Mapping[str, str | int]) -> None:
        """Adds values to a distribution; a clock that went backwards counts as zero."""
        record = self._histograms[instrument.name].record
        for value in values:
            record(max(value, 0.0), attributes)
