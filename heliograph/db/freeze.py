"""Freezing a run: its recipients become ledger rows, exclusions included, before anything is sent."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from heliograph.db.counters import SHARD, SHARDS
from heliograph.db.engine import Connection, Database
from heliograph.db.moves import MOVED, Moves, read_moves, summed

CHUNK = 20_000
"""Rows of the source per transaction: a second or so of work, so that a crash repeats little."""


_OTHER_SHARD = (SHARD + 1) % SHARDS
"""Of the second half: it must not wait for counters that the first half holds until both are through."""
_PATIENCE_SECONDS = 1.0
"""For a second connection. Many freezes at a time could otherwise hold the whole pool and wait for each other."""


@dataclass(frozen=True, slots=True)
class FreezeStep:
    """How far a freeze is."""

    frozen_rows: int
    source_rows: int
    excluded: Sequence[Moves] = ()  # of this step

    @property
    def done(self) -> bool:
        """Whether every row of the source stands in the ledger."""
        return self.frozen_rows >= self.source_rows


# One statement a chunk. The source is read by its primary key; suppressions are probed per row through
# uq_suppression. Excluded rows are final at once, with their reason; the others wait as `queued`.
# The counters come from what was really inserted, so that a repeated chunk adds nothing.
_FREEZE_CHUNK = f"""
WITH run AS (
    SELECT run.*, start_at AS due_at FROM run WHERE id = $1
), frozen AS (
    INSERT INTO message (
        workspace_id, dedupe_key, run_id, wave, number, channel, category, address, state, reason,
        due_at, attempt, connector_id, sender_id, final_at, status_changed_at, created_at
    )
    SELECT
        run.workspace_id, run.id || ':' || recipient.number, run.id, 1, recipient.number, run.channel, run.category,
        recipient.address, verdict.state::message_state, verdict.reason,
        run.due_at, 0, run.connector_id, run.sender_id,
        CASE WHEN verdict.state <> 'queued' THEN now() END, now(), now()
    FROM run
    JOIN audience_row AS recipient
      ON recipient.audience_id = run.audience_id AND recipient.number > $2 AND recipient.number <= $3
    LEFT JOIN LATERAL (
        SELECT suppression.reason FROM suppression
        WHERE suppression.workspace_id = run.workspace_id AND suppression.channel = run.channel
          AND suppression.address = recipient.address
          AND (suppression.sender_id IS NULL OR suppression.sender_id = run.sender_id)
        LIMIT 1
    ) AS stopped ON true
    CROSS JOIN LATERAL (
        SELECT
            CASE
                WHEN recipient.duplicate_of IS NOT NULL THEN 'duplicate'
                WHEN stopped.reason IS NOT NULL THEN 'suppressed'
                WHEN run.expires_at <= now() THEN 'expired'
                ELSE 'queued'
            END AS state,
            CASE
                WHEN recipient.duplicate_of IS NOT NULL THEN 'same_address'
                WHEN stopped.reason IS NOT NULL THEN stopped.reason
                WHEN run.expires_at <= now() THEN 'too_late'
            END AS reason
    ) AS verdict
    ORDER BY recipient.number
    ON CONFLICT (workspace_id, dedupe_key) DO NOTHING
    RETURNING workspace_id, run_id, state, coalesce(reason, '') AS code, {MOVED}
), counted AS (
    INSERT INTO run_counter AS counter (run_id, shard, state, code, workspace_id, count, parts)
    SELECT run_id, $4, state, code, workspace_id, count(*), 0 FROM frozen GROUP BY run_id, state, code, workspace_id
    ON CONFLICT (run_id, shard, state, code) DO UPDATE SET count = counter.count + excluded.count
)
{summed("frozen WHERE state <> 'queued'")}
"""


async def _insert(database: Database, connection: Connection, run_id: UUID, done: int, through: int) -> list[Moves]:
    """Both halves at once, or the whole in the caller's transaction while the pool has no second connection."""
    try:
        second = await database.pool.acquire(timeout=_PATIENCE_SECONDS)
    except TimeoutError:
        return read_moves(await connection.fetch(_FREEZE_CHUNK, run_id, done, through, SHARD))
    middle = (done + through) // 2
    try:
        halves = await asyncio.gather(
            connection.fetch(_FREEZE_CHUNK, run_id, done, middle, SHARD),
            second.fetch(_FREEZE_CHUNK, run_id, middle, through, _OTHER_SHARD),
            return_exceptions=True,  # neither connection is given back before its statement has ended
        )
        excluded: list[Moves] = []
        for half in halves:
            if isinstance(half, BaseException):
                raise half
            excluded += read_moves(half)
        return excluded
    finally:
        await database.pool.release(second)


async def freeze_chunk(database: Database, run_id: UUID) -> FreezeStep:
    """Freezes the next chunk; the row of the run is the lock and holds the position.

    Position and first half of the chunk are one transaction. The second half goes its own way meanwhile, for nothing
    is sent before the freeze is through, and two cores are faster than one. It is committed before the position is:
    after a crash in between it is inserted again, which adds and counts nothing.
    """
    async with database.transaction() as connection:
        run = await connection.fetchrow(
            "SELECT source_rows, frozen_rows FROM run WHERE id = $1 FOR NO KEY UPDATE", run_id
        )
        source, done = run["source_rows"], run["frozen_rows"]
        through = min(source, done + CHUNK)
        excluded: list[Moves] = []
        if through > done:
            excluded = await _insert(database, connection, run_id, done, through)
        await connection.execute(
            """
            UPDATE run SET frozen_rows = $2, frozen_at = CASE WHEN $2 >= source_rows THEN coalesce(frozen_at, now()) END
            WHERE id = $1
            """,
            run_id,
            through,
        )
        return FreezeStep(through, source, excluded)
