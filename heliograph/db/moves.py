"""What a statement moved, in sums for the metrics: a few rows, whatever the number of messages."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel, ErrorClass
from heliograph.telemetry.metrics import Route


@dataclass(frozen=True, slots=True)
class Moves:
    """Messages of one route that came to one state in one commit."""

    route: Route
    state: MessageState
    count: int
    error_class: ErrorClass | None = None
    reason: str | None = None  # why excluded
    lags: list[float] = field(default_factory=list)  # seconds from acceptance to the receipt, of those accepted before


MOVED: Final = "new.connector_id, new.channel, new.category, new.type, new.error_class, new.reason"
"""What a CTE must have for `summed`, beside `state`: for the RETURNING of an UPDATE of `message`."""


def summed(moved: str, lags: str = "NULL::float8[]") -> str:
    """The rows of a CTE as sums, each as the columns that `read_moves` takes."""
    return f"""
    SELECT coalesce(connector.provider, '') AS provider, alike.channel::text AS channel,
        alike.category::text AS category, alike.type, alike.state::text AS state,
        alike.error_class::text AS error_class, alike.reason, alike.count, alike.lags
    FROM (
        SELECT connector_id, channel, category, type, state, error_class, reason, count(*) AS count, {lags} AS lags
        FROM {moved} GROUP BY connector_id, channel, category, type, state, error_class, reason
    ) AS alike LEFT JOIN connector ON connector.id = alike.connector_id
    """


def read_moves(rows: Iterable[Any]) -> list[Moves]:
    """The answer of `summed`, as records or from JSON."""
    return [
        Moves(
            Route(row["provider"], Channel(row["channel"]), Category(row["category"]), row["type"]),
            MessageState(row["state"]),
            row["count"],
            ErrorClass(row["error_class"]) if row["error_class"] else None,
            row["reason"],
            row["lags"] or [],
        )
        for row in rows
    ]


def total(moves: Iterable[Moves]) -> int:
    """How many messages moved."""
    return sum(each.count for each in moves)
