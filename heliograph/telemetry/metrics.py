"""What happened, in aggregates: the send loop records once per grouped commit, receipts once per micro-batch.

It goes to OpenTelemetry where an exporter is named, and to the process' tally for `/metrics`. With neither each
function costs one comparison. Nothing here raises, and nothing waits.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, Protocol

from opentelemetry.metrics import Counter, Histogram, Meter

from heliograph.contracts import Lane
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel, ErrorClass
from heliograph.providers.protocol import Accepted, InDoubt, NotProcessed, Outcome, Refused
from heliograph.telemetry import instruments as table
from heliograph.telemetry.instruments import INSTRUMENTS, Instrument, Kind
from heliograph.telemetry.tally import Tally


class Words:
    """Keeps an open list of words few and plain, whatever callers pass: what is not, is "other"."""

    def __init__(self, limit: int, plain: str) -> None:
        self._limit = limit
        self._plain = re.compile(plain)
        self._seen: set[str] = set()

    def bounded(self, word: str) -> str:
        """The word itself, or "other"."""
        if word in self._seen:
            return word
        if len(self._seen) >= self._limit or self._plain.fullmatch(word) is None:
            return "other"
        self._seen.add(word)
        return word


_REASONS: Final = Words(100, r"[a-z][a-z_]{0,39}")
_TYPES: Final = Words(30, r"(?!.*\d{5})[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")  # nothing that could be a number of somebody


@dataclass(frozen=True, slots=True)
class Route:
    """What the messages of one record share. `provider` is the registry's key, `type` as the message has it."""

    provider: str
    channel: Channel
    category: Category
    type: str | None = None


class Verdict(StrEnum):
    """What became of a report in a callback."""

    STORED = "stored"
    REPEATED = "repeated"
    PARKED = "parked"  # its message is not known yet
    REFUSED = "refused"  # bad signature, unknown token, or nothing in it that can be read


class Bucket(StrEnum):
    """Whose speed limit was waited for."""

    CAMPAIGN = "campaign"
    SENDER = "sender"
    CONNECTOR = "connector"


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


class Sink(Protocol):
    """What takes measurements."""

    def add(self, instrument: Instrument, count: int, attributes: Mapping[str, str]) -> None: ...
    def record(self, instrument: Instrument, values: Sequence[float], attributes: Mapping[str, str | int]) -> None: ...


class _Both:
    """Two sinks as one."""

    def __init__(self, first: Sink, second: Sink) -> None:
        self._sinks = (first, second)

    def add(self, instrument: Instrument, count: int, attributes: Mapping[str, str]) -> None:
        for sink in self._sinks:
            sink.add(instrument, count, attributes)

    def record(self, instrument: Instrument, values: Sequence[float], attributes: Mapping[str, str | int]) -> None:
        for sink in self._sinks:
            sink.record(instrument, values, attributes)


class _State:
    meter: Meter | None = None
    exported: Instruments | None = None
    tally: Tally | None = None
    instruments: Sink | None = None  # both, one, or none of the two above


def install_meter(meter: Meter | None) -> None:
    """Called by `start_telemetry`; None: nothing is exported."""
    _State.meter = meter
    _State.exported = Instruments(meter) if meter is not None else None
    _combine()


def install_tally(tally: Tally | None) -> None:
    """Called by `services.metrics`; None: nothing is counted for `/metrics`."""
    _State.tally = tally
    _combine()


def _combine() -> None:
    exported, tally = _State.exported, _State.tally
    _State.instruments = _Both(exported, tally) if exported is not None and tally is not None else exported or tally


def meter() -> Meter | None:
    """OpenTelemetry's meter, or None when nothing is exported."""
    return _State.meter


def metrics_enabled() -> bool:
    """Whether anything is measured at all. Ask before collecting what only metrics need."""
    return _State.instruments is not None


def type_name(given: str | None, category: Category) -> str:
    """The type of messages as an attribute: as in `verification.sms_log`, but of few values."""
    if given is None:
        return "verification" if category is Category.OTP else "text"
    return _TYPES.bounded(given)


@lru_cache(maxsize=1024)
def attributes_of(
    route: Route, error_class: ErrorClass | None = None, state: MessageState | None = None
) -> dict[str, str]:
    """The attributes of a route, made once."""
    found = {
        "provider": route.provider,
        "channel": route.channel.value,
        "category": route.category.value,
        "type": type_name(route.type, route.category),
    }
    if error_class is not None:
        found["error_class"] = error_class.value
    if state is not None:
        found["state"] = state.value
    return found


def record_claimed(route: Route, count: int) -> None:
    """`count` messages were claimed in one commit."""
    if (into := _State.instruments) is not None:
        into.add(table.CLAIMED, count, attributes_of(route))


def record_accepted(route: Route, count: int, latencies_seconds: Sequence[float] = ()) -> None:
    """`count` messages were accepted; `latencies_seconds` from claim to acceptance, one each where known."""
    if (into := _State.instruments) is not None:
        into.add(table.ACCEPTED, count, attributes_of(route))
        into.record(table.CLAIM_TO_ACCEPT, latencies_seconds, attributes_of(route))


def record_returned(route: Route, error_class: ErrorClass, count: int) -> None:
    """`count` messages went back to the queue: known not processed, or their claim was released."""
    if (into := _State.instruments) is not None:
        into.add(table.RETURNED, count, attributes_of(route, error_class))


def record_rejected(route: Route, error_class: ErrorClass, count: int) -> None:
    """`count` messages were refused by the provider for good."""
    if (into := _State.instruments) is not None:
        into.add(table.REJECTED, count, attributes_of(route, error_class))


def record_doubted(route: Route, count: int, error_class: ErrorClass = ErrorClass.UNKNOWN_OUTCOME) -> None:
    """`count` messages went in doubt: after a call, or because their lease ran out."""
    if (into := _State.instruments) is not None:
        into.add(table.DOUBTED, count, attributes_of(route, error_class))


_OF_STATE: Final = {
    MessageState.SENT: table.SENT,
    MessageState.DELIVERED: table.DELIVERED,
    MessageState.UNDELIVERED: table.UNDELIVERED,
    MessageState.FAILED: table.FAILED,
    MessageState.UNCONFIRMED: table.UNCONFIRMED,
    MessageState.UNKNOWN: table.UNKNOWN,
}
_WITH_ERROR: Final = frozenset({MessageState.UNDELIVERED, MessageState.FAILED})


def record_settled(
    route: Route,
    state: MessageState,
    count: int,
    *,
    error_class: ErrorClass | None = None,
    lags_seconds: Sequence[float] = (),
) -> None:
    """`count` messages moved to `state` by receipts, polls or the close.

    `lags_seconds` from acceptance to the receipt's arrival, one for each message where known.
    States that have their own function (`accepted`, `rejected` …) count only their lags here.
    """
    into = _State.instruments
    if into is None:
        return
    if (instrument := _OF_STATE.get(state)) is not None:
        failure = (error_class or ErrorClass.OTHER) if state in _WITH_ERROR else None
        into.add(instrument, count, attributes_of(route, failure))
    into.record(table.RECEIPT_LAG, lags_seconds, attributes_of(route, None, state))


def outcome_name(outcome: Outcome) -> str:
    """An outcome as a metric's attribute."""
    match outcome:
        case Accepted():
            return "accepted"
        case Refused():
            return "refused"
        case NotProcessed():
            return "not_processed"
        case InDoubt():
            return "in_doubt"


def record_provider_requests(provider: str, outcome: str, seconds: Sequence[float], operation: str = "send") -> None:
    """Calls to a provider that ended alike. `outcome`: `outcome_name(…)`, or "ok" and "error" for other operations."""
    if (into := _State.instruments) is not None:
        into.record(table.PROVIDER_REQUEST, seconds, {"provider": provider, "operation": operation, "outcome": outcome})


def record_callbacks(provider: str, verdict: Verdict, count: int = 1) -> None:
    """`count` reports in callbacks got this verdict."""
    if (into := _State.instruments) is not None:
        into.add(table.CALLBACKS, count, {"provider": provider, "verdict": verdict.value})


def record_excluded(
    channel: Channel, category: Category, state: MessageState, reason: str, count: int, *, type: str | None = None
) -> None:
    """`count` messages were excluded by rule. A reason that is not a plain word counts as "other"."""
    if (into := _State.instruments) is not None:
        attributes = {
            "channel": channel.value,
            "category": category.value,
            "type": type_name(type, category),
            "state": state.value,
        }
        into.add(table.EXCLUDED, count, {**attributes, "reason": _REASONS.bounded(reason)})


def record_imported(*, added: int = 0, rejected: int = 0, duplicates: int = 0) -> None:
    """Rows of an audience file, in one commit of an import."""
    if (into := _State.instruments) is not None:
        for result, count in (("added", added), ("rejected", rejected), ("duplicate", duplicates)):
            into.add(table.IMPORTED, count, {"result": result})


def record_pacing_wait(bucket: Bucket, lane: Lane, seconds: float) -> None:
    """A chunk waited for tokens."""
    if (into := _State.instruments) is not None:
        into.record(table.PACING_WAIT, (seconds,), {"bucket": bucket.value, "lane": lane.value})


def record_http_request(seconds: float, attributes: Mapping[str, str | int]) -> None:
    """One request to the API."""
    if (into := _State.instruments) is not None:
        into.record(table.HTTP_REQUEST, (seconds,), attributes)
