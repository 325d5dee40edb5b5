"""What happened, in aggregates: the send loop records once per grouped commit, receipts once per micro-batch.

It goes to OpenTelemetry where an exporter is named, and to the process' tally for `/metrics`. With neither each
function costs one comparison. Nothing here raises, and nothing waits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from opentelemetry.metrics import Meter

from heliograph.contracts import Lane
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel, ErrorClass
from heliograph.providers.protocol import Accepted, InDoubt, NotProcessed, Outcome, Refused
from heliograph.telemetry import instruments as table
from heliograph.telemetry.sinks import Both, Instruments, Sink
from heliograph.telemetry.tally import Tally
from heliograph.telemetry.words import REASONS, TYPES


@dataclass(frozen=True, slots=True)
class Route:
    """What the messages of one record share. `provider` is the registry's key, `type` as the message has it."""

    provider: str
    channel: Channel
    category: Category
    type: str | None = None


class Verdict(StrEnum):
    """What became of a report that a provider brought."""

    STORED = "stored"
    REPEATED = "repeated"
    PARKED = "parked"  # its message is not known yet
    REFUSED = "refused"  # bad signature, unknown token, or nothing in it that can be read


class Bucket(StrEnum):
    """Whose speed limit was waited for."""

    CAMPAIGN = "campaign"
    SENDER = "sender"
    CONNECTOR = "connector"


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
    _State.instruments = Both(exported, tally) if exported is not None and tally is not None else exported or tally


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
    return TYPES.bounded(given)


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
        into.add(table.EXCLUDED, count, {**attributes, "reason": REASONS.bounded(reason)})


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
