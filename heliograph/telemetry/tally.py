"""What a process has counted since it last told the others: the other half of `/metrics` (docs/adr/0007).

Plain dictionaries, since the OpenTelemetry SDK costs microseconds a value where this costs a tenth of one: it is on
in every process, whether or not anybody asks.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from heliograph.telemetry.instruments import Instrument

Labels = tuple[tuple[str, str | int], ...]


@dataclass(slots=True)
class Cell:
    """One series: how often, the sum of the values, and how many fell into each bucket, the last one unbounded."""

    count: int = 0
    total: float = 0.0
    buckets: list[int] = field(default_factory=list)  # empty: a counter


@dataclass(frozen=True, slots=True)
class Increment:
    """What one series grew by."""

    name: str
    labels: Mapping[str, str | int]
    count: int
    total: float
    buckets: Sequence[int]


class Tally:
    """Counters and histograms of one process. A sink of `telemetry.metrics`, beside OpenTelemetry's."""

    def __init__(self) -> None:
        self._cells: dict[tuple[str, Labels], Cell] = {}

    def add(self, instrument: Instrument, count: int, attributes: Mapping[str, str]) -> None:
        """Counts."""
        if count > 0:
            self._cell(instrument, attributes).count += count

    def record(self, instrument: Instrument, values: Iterable[float], attributes: Mapping[str, str | int]) -> None:
        """Adds values to a distribution; a clock that went backwards counts as zero."""
        bounds = instrument.buckets or ()
        cell: Cell | None = None
        for value in values:
            cell = cell or self._cell(instrument, attributes)
            known = max(value, 0.0)
            cell.count += 1
            cell.total += known
            cell.buckets[bisect_left(bounds, known)] += 1

    def take(self) -> list[Increment]:
        """What was counted since the last time, which begins anew."""
        cells, self._cells = self._cells, {}
        return [
            Increment(name, dict(labels), cell.count, cell.total, cell.buckets)
            for (name, labels), cell in cells.items()
        ]

    def put_back(self, increments: Sequence[Increment]) -> None:
        """Counts again what could not be told."""
        for each in increments:
            key = (each.name, tuple(each.labels.items()))
            cell = self._cells.setdefault(key, Cell(buckets=[0] * len(each.buckets)))
            cell.count += each.count
            cell.total += each.total
            cell.buckets = [mine + theirs for mine, theirs in zip(cell.buckets, each.buckets, strict=True)]

    def _cell(self, instrument: Instrument, attributes: Mapping[str, str | int]) -> Cell:
        key = (instrument.name, tuple(attributes.items()))
        cell = self._cells.get(key)
        if cell is None:
            buckets = [] if instrument.buckets is None else [0] * (len(instrument.buckets) + 1)
            cell = self._cells[key] = Cell(buckets=buckets)
        return cell
