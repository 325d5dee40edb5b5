"""What people ask of a run: failures in words, times, single messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from heliograph.db.counters import Figure
from heliograph.db.engine import Connection
from heliograph.db.pages import Page, PageRequest, page_of
from heliograph.domain.ledger import MessageState

_FAILED = frozenset(
    {
        MessageState.REJECTED,
        MessageState.FAILED,
        MessageState.UNDELIVERED,
        MessageState.IN_DOUBT,
        MessageState.UNKNOWN,
        MessageState.UNCONFIRMED,
    }
)


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason for which messages did not arrive."""

    state: MessageState
    code: str  # the provider's, or ours
    error_class: str | None
    message: str | None
    count: int


async def read_failures(connection: Connection, run_id: UUID, figures: Sequence[Figure]) -> list[Failure]:
    """The failing cells with the text of one of their messages, most frequent first.

    The cells come from the counters; for each, one message is found by its range: a handful of short index reads.
    """
    failing = [figure for figure in figures if figure.state in _FAILED]
    texts = await connection.fetch(
        """
        SELECT wanted.state, wanted.code, example.error_class::text, example.error_message
        FROM unnest($2::text[], $3::text[]) AS wanted (state, code)
        LEFT JOIN LATERAL (
            SELECT error_class, error_message FROM message
            WHERE run_id = $1 AND state = wanted.state::message_state AND coalesce(error_code, '') = wanted.code LIMIT 1
        ) AS example ON true
        """,
        run_id,
        [figure.state.value for figure in failing],
        [figure.code for figure in failing],
    )
    known = {(row["state"], row["code"]): row for row in texts}
    failures = [
        Failure(figure.state, figure.code, row["error_class"], row["error_message"], figure.count)
        for figure in failing
        if (row := known[(figure.state.value, figure.code)])
    ]
    return sorted(failures, key=lambda failure: -failure.count)


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds; percentiles 50, 95, 99."""

    first_claim: datetime | None
    last_accept: datetime | None
    accepted: int
    claim_to_accept: tuple[float, float, float] | None
    accept_to_delivered: tuple[float, float, float] | None

    @property
    def seconds(self) -> float:
        """From the first claim to the last acceptance."""
        if self.first_claim is None or self.last_accept is None:
            return 0.0
        return (self.last_accept - self.first_claim).total_seconds()

    @property
    def messages_per_second(self) -> float:
        """Acceptances over that time."""
        return self.accepted / self.seconds if self.seconds > 0 else 0.0


async def read_timings(connection: Connection, run_id: UUID) -> Timings:
    """One read of the run's rows: asked for when it is closed."""
    row = await connection.fetchrow(
        """
        SELECT min(claimed_at) AS first_claim, max(accepted_at) AS last_accept, count(accepted_at) AS accepted,
            percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (
                ORDER BY extract(epoch FROM accepted_at - claimed_at)
            ) FILTER (WHERE accepted_at IS NOT NULL) AS to_accept,
            percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (
                ORDER BY greatest(0, extract(epoch FROM final_at - accepted_at))
            ) FILTER (WHERE state = 'delivered' AND accepted_at IS NOT NULL) AS to_delivered
        FROM message WHERE run_id = $1 AND claimed_at IS NOT NULL
        """,
        run_id,
    )
    return Timings(
        row["first_claim"],
        row["last_accept"],
        row["accepted"],
        _percentiles(row["to_accept"]),
        _percentiles(row["to_delivered"]),
    )


def _percentiles(values: list[float] | None) -> tuple[float, float, float] | None:
    return None if values is None else (float(values[0]), float(values[1]), float(values[2]))


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message as a list shows it."""

    id: UUID
    number: int
    address: str
    state: MessageState
    reason: str | None
    attempt: int
    provider_message_id: str | None
    provider_status: str | None
    error_code: str | None
    error_message: str | None
    parts: int | None
    claimed_at: datetime | None
    accepted_at: datetime | None
    final_at: datetime | None


async def page_messages(
    connection: Connection, run_id: UUID, state: MessageState | None, request: PageRequest[int]
) -> Page[MessageRow, int]:
    """A keyset page by recipient number, over ix_message_range."""
    rows = await connection.fetch(
        """
        SELECT id, number, address, state::text, reason, attempt, provider_message_id, provider_status,
            error_code, error_message, parts, claimed_at, accepted_at, final_at
        FROM message
        WHERE run_id = $1 AND wave = 1 AND number > $2 AND ($3::text IS NULL OR state = $3::text::message_state)
        ORDER BY number LIMIT $4
        """,
        run_id,
        request.after or 0,
        state.value if state else None,
        request.limit + 1,
    )
    found = [MessageRow(**{**row, "state": MessageState(row["state"])}) for row in rows]
    return page_of(found, request, lambda row: row.number)
