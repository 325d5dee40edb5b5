"""Direct messages that wait for a word of their provider: looked at when their time comes, never all of them.

A receipt does not touch `direct_message`: that a message has its final word is found at the next look, a few seconds
after it was sent at first. What crashes between two statements here is looked at again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from heliograph.db.direct import follow
from heliograph.db.engine import Connection, Pool
from heliograph.db.moves import MOVED, Moves, read_moves, summed
from heliograph.domain.ledger import MessageState


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message whose time to be looked at has come."""

    workspace_id: UUID
    id: UUID
    attempt: int
    connector_id: UUID
    provider: str
    usable: bool  # the connector can be opened: it is there and has credentials
    provider_message_id: str | None
    state: MessageState
    age: float  # seconds since its acceptance
    polls: int


# One probe of ix_direct_message_await a connector, and the oldest of what is due there: no connector holds up another.
# Whoever else looks at the same rows takes others.
_DUE = """
SELECT due.workspace_id, due.message_id AS id, due.polls, message.attempt, due.connector_id, connector.provider,
    connector.deleted_at IS NULL AND connector.sealed_credentials IS NOT NULL AS usable,
    message.provider_message_id, message.state::text,
    extract(epoch FROM now() - coalesce(message.accepted_at, message.status_changed_at))::float8 AS age
FROM connector
CROSS JOIN LATERAL (
    SELECT workspace_id, message_id, connector_id, polls FROM direct_message
    WHERE step = 'await' AND connector_id = connector.id AND due_at <= now()
    ORDER BY due_at LIMIT $1
    FOR UPDATE SKIP LOCKED
) AS due
JOIN message ON message.workspace_id = due.workspace_id AND message.id = due.message_id
{which}
"""
_DUE_OF_ALL = _DUE.format(which="")
_DUE_OF_ONE = _DUE.format(which="WHERE connector.id = $2")


async def due(connection: Connection, limit: int, connector_id: UUID | None = None) -> list[Waiting]:
    """Up to `limit` messages of each connector, or of one, that are to be looked at now; held until the commit."""
    if connector_id is None:
        rows = await connection.fetch(_DUE_OF_ALL, limit)
    else:
        rows = await connection.fetch(_DUE_OF_ONE, limit, connector_id)
    return [Waiting(**{**row, "state": MessageState(row["state"])}) for row in rows]


async def forget(connection: Connection, messages: Sequence[tuple[UUID, UUID]]) -> None:
    """Nothing more is to be done with these (workspace, message), unless they are open still."""
    await connection.execute(
        """
        DELETE FROM direct_message USING unnest($1::uuid[], $2::uuid[]) AS given (workspace_id, id), message
        WHERE direct_message.workspace_id = given.workspace_id AND direct_message.message_id = given.id
          AND message.workspace_id = given.workspace_id AND message.id = given.id
          AND message.state NOT IN ('queued', 'claimed', 'in_doubt', 'accepted', 'sent')
        """,
        [workspace_id for workspace_id, _ in messages],
        [message_id for _, message_id in messages],
    )


async def give_up(connection: Connection, messages: Sequence[tuple[UUID, UUID]]) -> list[Moves]:
    """The receipt window of these is over: what has no final word yet becomes `unconfirmed`."""
    rows = await connection.fetch(
        f"""
        WITH locked AS (
            SELECT message.workspace_id, message.id
            FROM unnest($1::uuid[], $2::uuid[]) AS given (workspace_id, id)
            JOIN message ON message.workspace_id = given.workspace_id AND message.id = given.id
            WHERE message.state IN ('accepted', 'sent')
            ORDER BY message.id FOR NO KEY UPDATE OF message
        ), moved AS (
            UPDATE message SET state = 'unconfirmed', final_at = now(), status_changed_at = now()
            FROM locked WHERE message.workspace_id = locked.workspace_id AND message.id = locked.id
            RETURNING new.state, {MOVED}
        )
        {summed("moved")}
        """,
        [workspace_id for workspace_id, _ in messages],
        [message_id for _, message_id in messages],
    )
    return read_moves(rows)


async def look_later(
    connection: Connection, messages: Sequence[tuple[UUID, UUID]], after: Sequence[timedelta], *, asked: bool
) -> None:
    """Sets when each of these is looked at next; `asked`: its provider is being asked now."""
    await connection.execute(
        """
        UPDATE direct_message SET due_at = now() + given.after, polls = least(polls + $4, 32767)
        FROM unnest($1::uuid[], $2::uuid[], $3::interval[]) AS given (workspace_id, id, after)
        WHERE direct_message.workspace_id = given.workspace_id AND direct_message.message_id = given.id
          AND direct_message.step = 'await'
        """,
        [workspace_id for workspace_id, _ in messages],
        [message_id for _, message_id in messages],
        after,
        int(asked),
    )


async def leave_doubt(connection: Connection, window: timedelta, limit: int) -> list[Moves]:
    """Lets go of the doubt that a receipt has settled, or that lasted for the whole window: these were given up.

    The policy of `services.in_doubt` decides the others. It does not where the provider never answers a look-up:
    those become `unknown` here.
    """
    rows = await connection.fetch(
        """
        SELECT waiting.workspace_id, waiting.message_id
        FROM direct_message AS waiting
        JOIN message ON message.workspace_id = waiting.workspace_id AND message.id = waiting.message_id
        WHERE waiting.step = 'decide'
          AND (message.state <> 'in_doubt' OR message.status_changed_at < now() - $1::interval)
        ORDER BY waiting.message_id LIMIT $2
        FOR UPDATE OF waiting SKIP LOCKED
        """,
        window,
        limit,
    )
    if not rows:
        return []
    given_up = await connection.fetch(
        f"""
        WITH locked AS (
            SELECT message.workspace_id, message.id
            FROM unnest($1::uuid[], $2::uuid[]) AS given (workspace_id, id)
            JOIN message ON message.workspace_id = given.workspace_id AND message.id = given.id
            WHERE message.state = 'in_doubt' AND message.status_changed_at < now() - $3::interval
            ORDER BY message.id FOR NO KEY UPDATE OF message
        ), moved AS (
            UPDATE message SET state = 'unknown', final_at = now(), status_changed_at = now()
            FROM locked WHERE message.workspace_id = locked.workspace_id AND message.id = locked.id
            RETURNING new.state, {MOVED}
        )
        {summed("moved")}
        """,
        [row["workspace_id"] for row in rows],
        [row["message_id"] for row in rows],
        window,
    )
    await follow(connection, [(row["workspace_id"], row["message_id"]) for row in rows], timedelta())
    return read_moves(given_up)


@dataclass(frozen=True, slots=True)
class Asked:
    """A connector whose provider is to be asked about messages."""

    workspace_id: UUID
    connector_id: UUID
    provider: str
    urgent: bool  # a direct message is due


# A few probes of small indexes and counters a connector; the rows of messages are not touched.
_TO_ASK = """
SELECT connector.workspace_id, connector.id AS connector_id, connector.provider, waiting.urgent
FROM connector
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM direct_message
        WHERE step = 'await' AND connector_id = connector.id AND due_at <= now()
    ) AS urgent
) AS waiting
WHERE connector.deleted_at IS NULL AND connector.sealed_credentials IS NOT NULL AND connector.provider = ANY ($1)
  AND ($3::uuid IS NULL OR connector.id = $3)
  AND (waiting.urgent OR connector.provider = ANY ($2) AND (
      EXISTS (SELECT FROM direct_message WHERE step = 'await' AND connector_id = connector.id)
      OR EXISTS (
          SELECT FROM run JOIN run_counter AS counter ON counter.run_id = run.id
          WHERE run.workspace_id = connector.workspace_id
            AND run.status IN ('SCHEDULED', 'ACTIVE', 'PAUSED', 'STOPPING')
            AND (run.connector_id = connector.id OR run.routed) AND counter.state IN ('accepted', 'sent')
          GROUP BY run.id HAVING sum(counter.count) > 0
      )
  ))
"""


async def to_ask(
    pool: Pool, providers: Sequence[str], silent: Sequence[str], connector_id: UUID | None = None
) -> list[Asked]:
    """Connectors of these providers with messages to ask about; all, or one if it is among them.

    Those of `silent` providers, which report nothing by themselves, as long as anything is awaited there; the others
    only for direct messages that are due: their runs are polled by their own workflows.
    """
    return [Asked(**row) for row in await pool.fetch(_TO_ASK, providers, silent, connector_id)]
