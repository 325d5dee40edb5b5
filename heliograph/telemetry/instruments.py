"""The metrics by name, unit and attributes: one table for the code, the documentation and the tests.

Attributes have few values: provider, channel, category, state, error class … Never a number, an address, a body,
a person or a campaign: those are found in the ledger.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What an instrument does with what it is given."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True)
class Instrument:
    """One metric. `buckets` are upper bounds in its unit."""

    name: str
    kind: Kind
    unit: str
    attributes: tuple[str, ...]
    description: str
    buckets: Sequence[float] | None = None


_RUNS_ROUTE: Final = ("provider", "channel", "category")
_ROUTE: Final = (*_RUNS_ROUTE, "type")
_REFUSED: Final = (*_ROUTE, "error_class")
_SHORT: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60)
_LONG: Final = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400, 259200)
_MESSAGES: Final = "{message}"


def _counter(name: str, attributes: tuple[str, ...], description: str, unit: str = _MESSAGES) -> Instrument:
    return Instrument(f"heliograph.{name}", Kind.COUNTER, unit, attributes, description)


def _histogram(name: str, attributes: tuple[str, ...], description: str, buckets: Sequence[float]) -> Instrument:
    return Instrument(f"heliograph.{name}", Kind.HISTOGRAM, "s", attributes, description, buckets)


def _gauge(name: str, attributes: tuple[str, ...], description: str, unit: str = _MESSAGES) -> Instrument:
    return Instrument(f"heliograph.{name}", Kind.GAUGE, unit, attributes, description)


CLAIMED: Final = _counter("messages.claimed", _ROUTE, "Taken by a worker to be sent.")
ACCEPTED: Final = _counter("messages.accepted", _ROUTE, "Accepted by the provider.")
RETURNED: Final = _counter("messages.returned", _REFUSED, "Back in the queue: known not to have been processed.")
REJECTED: Final = _counter("messages.rejected", _REFUSED, "Refused by the provider for good.")
DOUBTED: Final = _counter("messages.doubted", _REFUSED, "Gone in doubt: the outcome of the call is not known.")
SENT: Final = _counter("messages.sent", _ROUTE, "Handed on to the network, as a receipt says.")
DELIVERED: Final = _counter("messages.delivered", _ROUTE, "Delivered, as a receipt or poll says.")
UNDELIVERED: Final = _counter("messages.undelivered", _REFUSED, "Accepted, then not delivered by the network.")
FAILED: Final = _counter("messages.failed", _REFUSED, "Accepted, then failed at the provider.")
UNCONFIRMED: Final = _counter("messages.unconfirmed", _ROUTE, "The receipt window closed without a final word.")
UNKNOWN: Final = _counter("messages.unknown", _ROUTE, "In doubt for good: never sent again.")
EXCLUDED: Final = _counter(
    "messages.excluded", ("channel", "category", "type", "state", "reason"), "Never sent, by rule."
)
CLAIM_TO_ACCEPT: Final = _histogram("accept.latency", _ROUTE, "From claim to the provider's acceptance.", _SHORT)
RECEIPT_LAG: Final = _histogram(
    "receipt.lag", (*_ROUTE, "state"), "From the provider's acceptance to the receipt's arrival here.", _LONG
)
PROVIDER_REQUEST: Final = _histogram(
    "provider.request.duration", ("provider", "operation", "outcome"), "One call to a provider.", _SHORT
)
CALLBACKS: Final = _counter(
    "callbacks", ("provider", "verdict"), "Reports that providers brought, by what became of them.", "{report}"
)
IMPORTED: Final = _counter("import.rows", ("result",), "Rows of audience files: added, rejected, duplicate.", "{row}")
PACING_WAIT: Final = _histogram(
    "pacing.wait", ("bucket", "lane"), "Waited for tokens of a speed limit: campaign, sender or connector.", _SHORT
)
QUEUE_DEPTH: Final = _gauge("queue.depth", _RUNS_ROUTE, "Messages of open runs that wait to be sent.")
CLAIMED_NOW: Final = _gauge("messages.in_flight", _RUNS_ROUTE, "Messages that are claimed and not yet recorded.")
IN_DOUBT: Final = _gauge("messages.in_doubt", _RUNS_ROUTE, "Messages whose outcome is not known now.")
AWAITED: Final = _gauge("messages.awaiting_receipt", _RUNS_ROUTE, "Accepted messages without a final word.")
OPEN_RUNS: Final = _gauge("runs.open", ("status", "category"), "Runs that are not closed.", "{run}")
OUTBOX_DEPTH: Final = _gauge("outbox.depth", (), "Outbox rows not dispatched yet.", "{row}")
OUTBOX_AGE: Final = _gauge("outbox.age", (), "Age of the oldest outbox row that is due.", "s")
PARKED: Final = _gauge("receipts.parked", (), "Receipts whose message is not known yet.", "{receipt}")
SILENT: Final = _gauge(
    "connectors.silent",
    ("provider",),
    "Connectors that accept messages and bring no receipt for too long.",
    "{connector}",
)
HTTP_REQUEST: Final = Instrument(
    "http.server.request.duration",
    Kind.HISTOGRAM,
    "s",
    ("http.request.method", "http.route", "http.response.status_code", "url.scheme", "error.type"),
    "One request to the API (OpenTelemetry's semantic convention).",
    (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
)

INSTRUMENTS: Final = (
    *(CLAIMED, ACCEPTED, RETURNED, REJECTED, DOUBTED, SENT, DELIVERED, UNDELIVERED, FAILED, UNCONFIRMED, UNKNOWN),
    *(EXCLUDED, CLAIM_TO_ACCEPT, RECEIPT_LAG, PROVIDER_REQUEST, CALLBACKS, IMPORTED, PACING_WAIT),
    *(QUEUE_DEPTH, CLAIMED_NOW, IN_DOUBT, AWAITED, OPEN_RUNS, OUTBOX_DEPTH, OUTBOX_AGE, PARKED, SILENT, HTTP_REQUEST),
)
