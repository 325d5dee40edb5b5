"""Messages for which something must be asked at the provider: a final word, or whether it took them at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from heliograph.db.counters import SHARD
from heliograph.db.engine import Connection, Pool
from heliograph.db.moves import MOVED, Moves, read_moves, summed
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category


@dataclass(frozen=True, slots=True)
class Unheard:
    """An accepted message without a final word."""

    id: UUID
    wave: int
    number: int
    attempt: int
    connector_id: UUID
    provider_message_id: str


async def unheard(pool: Pool, run_id: UUID, after: tuple[int, int], limit: int) -> list[Unheard]:
    """The next accepted or sent messages of a run after (wave, number); reads ix_message_range in its order."""
    rows = await pool.fetch(
        """
        SELECT id, wave, number, attempt, connector_id, provider_message_id FROM message
        WHERE run_id = $1 AND (wave, number) > ($2, $3) AND state IN ('accepted', 'sent')
          AND provider_message_id IS NOT NULL AND connector_id IS NOT NULL
        ORDER BY wave, number LIMIT $4
        """,
        run_id,
        *after,
        limit,
    )
    return [Unheard(**row) for row in rows]


async def awaiting_runs(pool: Pool, workspace_id: UUID, connector_id: UUID) -> list[UUID]:
    """Open runs that may have messages at the connector without a final word, by id; their counters tell."""
    rows = await pool.fetch(
        """
        SELECT run.id FROM run JOIN run_counter AS counter ON counter.run_id = run.id
        WHERE run.workspace_id = $1 AND run.status IN ('SCHEDULED', 'ACTIVE', 'PAUSED', 'STOPPING')
          AND (run.connector_id = $2 OR run.routed) AND counter.state IN ('accepted', 'sent')
        GROUP BY run.id HAVING sum(counter.count) > 0 ORDER BY run.id
        """,
        workspace_id,
        connector_id,
    )
    return [row["id"] for row in rows]


async def of_age(
    pool: Pool,
    run_id: UUID,
    connector_id: UUID,
    after: tuple[int, int],
    limit: int,
    *,
    ages: Sequence[float],
    since: datetime | None,
    until: datetime,
) -> list[Unheard]:
    """As `unheard`, of one connector, and only what reached one of `ages` (seconds) after `since` and until `until`.

    Without `since` what is older than the first of them. Nothing about earlier questions is stored: a message is asked
    about as often as it grows past an age, however the passes fall.
    """
    rows = await pool.fetch(
        """
        SELECT id, wave, number, attempt, connector_id, provider_message_id FROM message
        CROSS JOIN LATERAL (SELECT coalesce(accepted_at, status_changed_at) AS taken_at) AS taken
        WHERE run_id = $1 AND (wave, number) > ($2, $3) AND state IN ('accepted', 'sent')
          AND provider_message_id IS NOT NULL AND connector_id = $4
          AND width_bucket(extract(epoch FROM $7 - taken_at)::float8, $5::float8[])
            > width_bucket(extract(epoch FROM coalesce($6, taken_at) - taken_at)::float8, $5::float8[])
        ORDER BY wave, number LIMIT $8
        """,
        run_id,
        *after,
        connector_id,
        ages,
        since,
        until,
        limit,
    )
    return [Unheard(**row) for row in rows]


@dataclass(frozen=True, slots=True)
class Doubted:
    """A message whose outcome is unknown, with what a look-up at the provider takes."""

    workspace_id: UUID
    id: UUID
    attempt: int
    connector_id: UUID
    sender_kind: str
    sender_address: str
    address: str
    body: str | None
    claimed_at: datetime
    category: Category
    stopping: bool  # the run sends nothing more
    provider_message_id: str | None = None


async def doubted(pool: Pool, older_than: timedelta, limit: int) -> list[Doubted]:
    """Messages of open runs, and direct ones, in doubt for longer than that, the oldest claim first.

    The counters tell which runs have any; only those are read.
    """
    rows = await pool.fetch(
        """
        WITH doubtful AS (
            SELECT run.id, run.status = 'STOPPING' AS stopping FROM run
            JOIN run_counter AS counter ON counter.run_id = run.id AND counter.state = 'in_doubt'
            WHERE run.status IN ('SCHEDULED', 'ACTIVE', 'PAUSED', 'STOPPING')
            GROUP BY run.id HAVING sum(counter.count) > 0
        )
        SELECT message.workspace_id, message.id, message.attempt, message.connector_id, sender.kind AS sender_kind,
            sender.address AS sender_address, message.address, message.body, message.claimed_at, message.category::text,
            doubtful.stopping, message.provider_message_id
        FROM doubtful
        JOIN message ON message.run_id = doubtful.id
        JOIN sender ON sender.workspace_id = message.workspace_id AND sender.id = message.sender_id
        WHERE message.state = 'in_doubt' AND message.status_changed_at < now() - $1::interval
        UNION ALL
        SELECT message.workspace_id, message.id, message.attempt, message.connector_id, sender.kind, sender.address,
            message.address, message.body, message.claimed_at, message.category::text, false,
            message.provider_message_id
        FROM direct_message AS waiting
        JOIN message ON message.workspace_id = waiting.workspace_id AND message.id = waiting.message_id
        JOIN sender ON sender.workspace_id = message.workspace_id AND sender.id = message.sender_id
        WHERE waiting.step = 'decide' AND message.state = 'in_doubt'
          AND message.status_changed_at < now() - $1::interval
        ORDER BY claimed_at, id LIMIT $2
        """,
        older_than,
        limit,
    )
    return [Doubted(**{**row, "category": Category(row["category"])}) for row in rows]


async def known_provider_ids(pool: Pool, connector_id: UUID, ids: Sequence[str]) -> set[str]:
    """Those of `ids` that the ledger has for a message or an earlier attempt."""
    rows = await pool.fetch(
        """
        SELECT provider_message_id FROM message WHERE provider_message_id = ANY ($2) AND connector_id = $1
        UNION
        SELECT provider_message_id FROM attempt WHERE provider_message_id = ANY ($2) AND connector_id = $1
        """,
        connector_id,
        ids,
    )
    return {row["provider_message_id"] for row in rows}


# What became certain meanwhile is left alone. A message that is queued again keeps the error of its doubt, which the
# next claim moves to `attempt` with it: the ledger shows why it was tried twice.
_DECIDE = f"""
WITH locked AS (
    SELECT message.workspace_id, message.id, decision.state
    FROM unnest($2::uuid[], $3::uuid[], $4::smallint[], $5::message_state[])
      AS decision (workspace_id, id, attempt, state)
    JOIN message ON message.workspace_id = decision.workspace_id AND message.id = decision.id
      AND message.attempt = decision.attempt
    WHERE message.state = 'in_doubt'
    ORDER BY message.id
    FOR NO KEY UPDATE OF message
), moved AS (
    UPDATE message SET
        state = locked.state,
        due_at = CASE WHEN locked.state = 'queued' THEN now() ELSE message.due_at END,
        hold_reason = CASE WHEN locked.state = 'queued' THEN 'in_doubt' END,
        final_at = CASE WHEN locked.state <> 'queued' THEN now() END,
        status_changed_at = now()
    FROM locked
    WHERE message.workspace_id = locked.workspace_id AND message.id = locked.id
    RETURNING message.workspace_id, message.run_id, coalesce(new.error_code, new.reason, '') AS code,
        new.state AS state, coalesce(new.parts, 0) AS parts, {MOVED}
), counted AS (
    INSERT INTO run_counter AS counter (run_id, shard, state, code, workspace_id, count, parts)
    SELECT run_id, $1, state, code, workspace_id, sum(change), sum(parts) FROM (
        SELECT run_id, workspace_id, 'in_doubt'::message_state AS state, code, -1 AS change, -parts AS parts FROM moved
        UNION ALL
        SELECT run_id, workspace_id, state, code, 1, CASE WHEN state = 'queued' THEN 0 ELSE parts END FROM moved
    ) AS deltas
    WHERE run_id IS NOT NULL
    GROUP BY run_id, workspace_id, state, code ORDER BY run_id, state, code
    ON CONFLICT (run_id, shard, state, code)
    DO UPDATE SET count = counter.count + excluded.count, parts = counter.parts + excluded.parts
)
{summed("moved")}
"""


async def decide(connection: Connection, decisions: Sequence[tuple[Doubted, MessageState]]) -> list[Moves]:
    """Moves messages that are still in doubt to `queued` or `unknown`, in the caller's transaction."""
    rows = await connection.fetch(
        _DECIDE,
        SHARD,
        [message.workspace_id for message, _ in decisions],
        [message.id for message, _ in decisions],
        [message.attempt for message, _ in decisions],
        [state.value for _, state in decisions],
    )
    return read_moves(rows)
