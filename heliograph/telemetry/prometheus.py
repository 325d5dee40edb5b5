"""Prometheus' text exposition format, with the names and labels that OpenTelemetry's collector would write.

https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4)
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

from heliograph.telemetry.figures import GAUGES, LedgerFigures
from heliograph.telemetry.instruments import INSTRUMENTS, Instrument, Kind
from heliograph.telemetry.tally import Increment

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_UNITS: Final = {"s": "_seconds"}


def exposed_name(instrument: Instrument) -> str:
    """The metric's name for Prometheus: of `heliograph.accept.latency` `heliograph_accept_latency_seconds`."""
    name = instrument.name.replace(".", "_") + _UNITS.get(instrument.unit, "")
    return f"{name}_total" if instrument.kind is Kind.COUNTER else name


def sample_names(instrument: Instrument) -> tuple[str, ...]:
    """What a query can name of it: a histogram has buckets, a sum and a count."""
    name = exposed_name(instrument)
    return (
        tuple(f"{name}{end}" for end in ("_bucket", "_sum", "_count")) if instrument.kind is Kind.HISTOGRAM else (name,)
    )


def exposition(series: Iterable[Increment], figures: LedgerFigures) -> str:
    """The answer to a scrape. Series that this version does not know, or with other buckets, are left out."""
    by_name: dict[str, list[Increment]] = {}
    for each in series:
        by_name.setdefault(each.name, []).append(each)
    return "".join(
        f"{line}\n"
        for instrument in INSTRUMENTS
        for line in _metric(instrument, by_name.get(instrument.name, ()), figures)
    )


def _metric(instrument: Instrument, series: Sequence[Increment], figures: LedgerFigures) -> Iterator[str]:
    name = exposed_name(instrument)
    yield f"# HELP {name} {_escaped(instrument.description)}"
    yield f"# TYPE {name} {instrument.kind.value}"
    if instrument.kind is Kind.GAUGE:
        for seen in GAUGES[instrument](figures):
            yield f"{name}{_labels(seen.attributes or {})} {seen.value}"
    elif instrument.kind is Kind.COUNTER:
        for each in series:
            yield f"{name}{_labels(each.labels)} {each.count}"
    else:
        for each in series:
            yield from _histogram(name, instrument.buckets or (), each)


def _histogram(name: str, bounds: Sequence[float], each: Increment) -> Iterator[str]:
    if len(each.buckets) != len(bounds) + 1:
        return
    for bound, count in zip((*map(str, bounds), "+Inf"), accumulate(each.buckets), strict=True):
        yield f"{name}_bucket{_labels({**each.labels, 'le': bound})} {count}"
    yield f"{name}_sum{_labels(each.labels)} {each.total}"
    yield f"{name}_count{_labels(each.labels)} {each.count}"


def _labels(labels: Mapping[str, object]) -> str:
    if not labels:
        return ""
    pairs = (f'{name.replace(".", "_")}="{_quoted(str(value))}"' for name, value in labels.items())
    return f"{{{','.join(pairs)}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', r"\"")
