"""Expired leases: a claim whose worker died or froze becomes `in_doubt`."""

from dataclasses import dataclass
from uuid import UUID

from heliograph.db.counters import SHARD
from heliograph.db.engine import Connection
from heliograph.db.moves import MOVED, Moves, read_moves, summed

# `batch` says in which ranges leases can have run out; only those are read. What is still claimed there sets when the
# range is looked at next; without any it is not looked at again.
_SETTLE = f"""
WITH expired AS (
    SELECT run_id, wave, first_number, last_number, lease_until FROM batch
    WHERE lease_until < now() ORDER BY lease_until LIMIT 50 FOR UPDATE SKIP LOCKED
), locked AS (
    SELECT message.workspace_id, message.id
    FROM expired
    JOIN message ON message.run_id = expired.run_id AND message.wave = expired.wave
      AND message.number BETWEEN expired.first_number AND expired.last_number
    WHERE message.state = 'claimed' AND message.lease_until < now()
    ORDER BY message.id
    FOR UPDATE OF message
), moved AS (
    UPDATE message SET
        state = 'in_doubt', error_class = 'unknown_outcome', error_code = 'lease_expired',
        error_message = 'The worker that held this message stopped before it recorded the answer.',
        status_changed_at = now()
    FROM locked
    WHERE message.workspace_id = locked.workspace_id AND message.id = locked.id
    RETURNING message.workspace_id, message.run_id, coalesce(old.error_code, old.reason, '') AS old_code,
        coalesce(message.parts, 0) AS parts, new.state, {MOVED}
), counted AS (
    INSERT INTO run_counter AS counter (run_id, shard, state, code, workspace_id, count, parts)
    SELECT run_id, $1, state, code, workspace_id, sum(change), sum(parts) FROM (
        SELECT run_id, workspace_id, 'claimed'::message_state AS state, old_code AS code, -1 AS change, -parts AS parts
        FROM moved
        UNION ALL
        SELECT run_id, workspace_id, 'in_doubt', 'lease_expired', 1, parts FROM moved
    ) AS deltas GROUP BY run_id, workspace_id, state, code ORDER BY run_id, state, code
    ON CONFLICT (run_id, shard, state, code)
    DO UPDATE SET count = counter.count + excluded.count, parts = counter.parts + excluded.parts
), cleared AS (
    UPDATE batch SET lease_until = (
        SELECT min(message.lease_until) FROM message
        WHERE message.run_id = expired.run_id AND message.wave = expired.wave
          AND message.number BETWEEN expired.first_number AND expired.last_number
          AND message.state = 'claimed' AND message.lease_until >= now()
    )
    FROM expired
    WHERE (batch.run_id, batch.wave, batch.first_number) = (expired.run_id, expired.wave, expired.first_number)
)
SELECT
    (SELECT jsonb_object_agg(run_id, count) FROM (SELECT run_id, count(*) FROM moved GROUP BY 1) AS runs) AS by_run,
    (SELECT jsonb_agg(sums) FROM ({summed("moved")}) AS sums) AS moves
"""


@dataclass(frozen=True, slots=True)
class Expired:
    """Claims whose lease ran out."""

    by_run: dict[UUID, int]
    moves: list[Moves]


async def settle_expired(connection: Connection) -> Expired:
    """Moves claims of runs whose lease ran out to `in_doubt`. In the caller's transaction."""
    row = await connection.fetchrow(_SETTLE, SHARD)
    by_run = {UUID(run_id): count for run_id, count in (row["by_run"] or {}).items()}
    return Expired(by_run, read_moves(row["moves"] or ()))
