"""Communications by filter, newest first, out of a ledger of any size.

No index of `message` names its state (it would cost every update), so a filter that few rows match could have to look
through all of them. What is read at a time is therefore bounded: a window looks at no more than so many rows, gives
those that match, and says where the next one begins. Three ways lead to the rows:

- an address: ix_message_address finds its messages;
- runs that are small together: ix_message_range finds theirs;
- else the primary key, whose UUIDv7 is the time, backwards through spans of time: the range asked for, or the times
  in which the runs were frozen, where their messages lie side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from heliograph.db.engine import Connection
from heliograph.domain.communications import STATES, CommunicationFilters
from heliograph.ids import first_id_at

EXAMINED: Final = 50_000
"""Rows that a window looks at, at most: some tens of milliseconds."""

LAST_ID: Final = UUID(int=2**128 - 1)
"""Above every id."""

_FIRST_ID: Final = UUID(int=0)
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""Around the time in which a run was frozen: its instants and the ids of its messages come from different clocks."""


@dataclass(frozen=True, slots=True)
class Window:
    """Rows that match, newest first, as mappings; below which id the next window begins, None at the end."""

    rows: Sequence[Any]
    examined: int
    next: UUID | None


@dataclass(frozen=True, slots=True)
class Span:
    """Ids from `first` up to, not including, `end`."""

    first: UUID
    end: UUID


@dataclass(frozen=True, slots=True)
class Search:
    """Where the messages that filters mean can lie."""

    filters: CommunicationFilters
    spans: tuple[Span, ...]  # newest first, disjoint
    run_ids: tuple[UUID, ...] | None  # None: of any run, or of none
    by_run: bool  # the runs' own index leads to them


async def plan_search(connection: Connection, workspace_id: UUID, filters: CommunicationFilters) -> Search:
    """Looks up the runs that the filters mean, and with them the spans of time."""
    whole = Span(
        _FIRST_ID if filters.since is None else first_id_at(filters.since),
        LAST_ID if filters.until is None else first_id_at(filters.until),
    )
    if not filters.names_runs:
        return Search(filters, (whole,), None, by_run=False)
    runs = await connection.fetch(
        """
        SELECT run.id, run.created_at, run.frozen_at, run.source_rows FROM run
        JOIN template_version AS version
          ON version.workspace_id = run.workspace_id AND version.id = run.template_version_id
        WHERE run.workspace_id = $1
          AND ($2::uuid IS NULL OR run.id = $2)
          AND ($3::uuid IS NULL OR run.campaign_id = $3)
          AND ($4::uuid IS NULL OR version.template_id = $4)
        """,
        workspace_id,
        filters.run_id,
        filters.campaign_id,
        filters.template_id,
    )
    ids = tuple(run["id"] for run in runs)
    if sum(run["source_rows"] for run in runs) <= EXAMINED:
        return Search(filters, (whole,) if ids else (), ids, by_run=True)
    return Search(filters, _merged([_frozen_in(run, whole) for run in runs]), ids, by_run=False)


def _frozen_in(run: Any, whole: Span) -> Span:
    """The part of `whole` in which the run's messages were written."""
    first = first_id_at(run["created_at"] - _CLOCKS_DIFFER)
    end = LAST_ID if run["frozen_at"] is None else first_id_at(run["frozen_at"] + _CLOCKS_DIFFER)
    return Span(max(first, whole.first), min(end, whole.end))


def _merged(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The same ids in disjoint spans, newest first."""
    merged: list[Span] = []
    for span in sorted((span for span in spans if span.first < span.end), key=lambda span: span.first):
        if merged and span.first <= merged[-1].end:
            merged[-1] = Span(merged[-1].first, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return tuple(reversed(merged))


async def read_window(
    connection: Connection, workspace_id: UUID, search: Search, *, below: UUID, limit: int, examined: int = EXAMINED
) -> Window:
    """The newest matching messages with an id less than `below`, in a transaction of its own on `connection`."""
    rows: list[Any] = []
    seen = 0
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")  # the best plan hangs on the values
        for span in _below(search.spans, below):
            statement = WindowStatement(workspace_id, search, span, examined - seen, limit - len(rows))
            found = await connection.fetch(statement.rows, *statement.arguments)
            rows += found
            if len(rows) == limit:
                return Window(rows, seen + found[-1]["place"], found[-1]["id"])
            last = await connection.fetchrow(statement.last, *statement.inner_arguments)
            seen += last["place"] if last is not None else 0
            if last is not None and seen >= examined:
                return Window(rows, seen, last["id"])
    return Window(rows, seen, None)


async def count_examined(connection: Connection, workspace_id: UUID, search: Search, *, below: UUID) -> int:
    """How many rows all windows together will look at: for progress. Reads the index over them once."""
    total = 0
    for span in _below(search.spans, below):
        statement = WindowStatement(workspace_id, search, span, 0, 0)
        total += await connection.fetchval(statement.count, *statement.inner_arguments)
    return total


def _below(spans: Sequence[Span], end: UUID) -> list[Span]:
    return [Span(span.first, min(span.end, end)) for span in spans if span.first < end]


class WindowStatement:
    """The SQL of one window in one span: its matching rows, the last row that it looks at, and how many there are.

    The inner query looks at rows in the order of their ids and stops at `examined`; the outer one filters what comes
    out of it and stops at `limit`. PostgreSQL runs both row by row, so that a page that fills quickly costs little.
    """

    def __init__(self, workspace_id: UUID, search: Search, span: Span, examined: int, limit: int) -> None:
        filters = search.filters
        states = sorted(STATES[filters.status]) if filters.status is not None else None
        self.inner_arguments: tuple[Any, ...] = (workspace_id, span.first, span.end)
        found_by = "true"
        if filters.address is not None:
            self.inner_arguments += (filters.address,)
            found_by = "address = $4"
        elif search.by_run:
            self.inner_arguments += (search.run_ids,)
            found_by = "run_id = ANY ($4::uuid[])"
        source = f"FROM message WHERE workspace_id = $1 AND id >= $2 AND id < $3 AND {found_by}"
        fence = "" if not search.by_run else "OFFSET 0"  # keeps the order out of the choice of the index
        first = len(self.inner_arguments) + 1
        self.arguments = (*self.inner_arguments, filters.channel, states, search.run_ids)
        self.count = f"SELECT count(*) {source}"
        self.last = f"""
            SELECT id, place FROM (
                SELECT id, row_number() OVER (ORDER BY id DESC) AS place
                FROM (SELECT id {source} {fence}) AS found ORDER BY id DESC LIMIT {examined}
            ) AS examined
            ORDER BY place DESC LIMIT 1
        """
        self.rows = f"""
            SELECT {_SHOWN}
            FROM (
                SELECT * FROM (
                    SELECT *, row_number() OVER (ORDER BY id DESC) AS place
                    FROM (SELECT * {source} {fence}) AS found ORDER BY id DESC LIMIT {examined}
                ) AS examined
                WHERE (${first}::channel IS NULL OR channel = ${first}::channel)
                  AND (${first + 1}::message_state[] IS NULL OR state = ANY (${first + 1}::message_state[]))
                  AND (${first + 2}::uuid[] IS NULL OR run_id = ANY (${first + 2}::uuid[]))
                ORDER BY id DESC LIMIT {limit}
            ) AS message
            {_NAMES}
            ORDER BY message.id DESC
        """


_SHOWN: Final = """
    message.id, uuid_extract_timestamp(message.id) AS created_at, message.channel::text, message.category::text,
    message.type, message.address, message.state::text, message.reason, message.error_code, message.error_message,
    message.provider_status, message.provider_message_id, connector.name AS connector, connector.provider,
    sender.address AS sender, run.campaign_id, campaign.name AS campaign, message.run_id, template.id AS template_id,
    template.name AS template, version.number AS template_version, message.attempt AS tries, message.parts,
    message.accepted_at, message.final_at, message.status_changed_at, message.place
"""

_NAMES: Final = """
    LEFT JOIN connector ON connector.workspace_id = message.workspace_id AND connector.id = message.connector_id
    LEFT JOIN sender ON sender.workspace_id = message.workspace_id AND sender.id = message.sender_id
    LEFT JOIN run ON run.workspace_id = message.workspace_id AND run.id = message.run_id
    LEFT JOIN campaign ON campaign.workspace_id = run.workspace_id AND campaign.id = run.campaign_id
    LEFT JOIN template_version AS version
           ON version.workspace_id = run.workspace_id AND version.id = run.template_version_id
    LEFT JOIN template ON template.workspace_id = version.workspace_id AND template.id = version.template_id
"""
