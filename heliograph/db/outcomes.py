"""Recording what providers answered, many messages in one commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from heliograph.db.counters import SHARD
from heliograph.db.engine import Connection, Pool
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """What became of one claimed attempt: `accepted`, `rejected`, `in_doubt`, or back to `queued`."""

    message_id: UUID
    attempt: int
    state: MessageState
    answered_at: datetime
    provider_message_id: str | None = None
    provider_status: str | None = None
    parts: int | None = None  # as the provider counts, where it says
    due_at: datetime | None = None  # back to `queued`: when to try again
    error_class: ErrorClass | None = None
    error_code: str | None = None
    error_message: str | None = None
    part_ids: Sequence[str] = ()  # the provider's names of the parts, where receipts tell of parts


# The rows are looked up and locked one by one in the order of their ids, as everywhere, so that no commits deadlock;
# joined freely, a planner without statistics reads the whole workspace. What an answer may still change depends on
# what happened meanwhile (design §3):
#   claimed              takes any outcome;
#   in_doubt             (the lease ran out) still learns that it was accepted or rejected, nothing else: a "not
#                        processed" that comes so late must not queue what may have been decided otherwise;
#   unknown, unconfirmed learn that it was accepted;
#   a receipt state      came before the answer and stays, but learns the provider's id.
# An answer to an earlier attempt changes that attempt's row alone.
_RECORD = """
WITH outcome AS (
    SELECT * FROM unnest(
        $3::uuid[], $4::smallint[], $5::message_state[], $6::timestamptz[], $7::text[], $8::text[], $9::smallint[],
        $10::timestamptz[], $11::error_class[], $12::text[], $13::text[]
    ) AS outcome (
        id, attempt, state, answered_at, provider_message_id, provider_status, parts,
        due_at, error_class, error_code, error_message
    )
), locked AS (
    SELECT outcome.*,
        CASE
            WHEN message.state = 'claimed' THEN outcome.state
            WHEN message.state = 'in_doubt' AND outcome.state IN ('accepted', 'rejected') THEN outcome.state
            WHEN message.state IN ('unknown', 'unconfirmed') AND outcome.state = 'accepted' THEN outcome.state
            ELSE message.state
        END AS next
    FROM (SELECT * FROM outcome ORDER BY id) AS outcome
    CROSS JOIN LATERAL (
        SELECT message.state FROM message
        WHERE message.workspace_id = $1 AND message.id = outcome.id AND message.attempt = outcome.attempt
        FOR UPDATE
    ) AS message
    WHERE message.state = 'claimed' OR outcome.state IN ('accepted', 'rejected')
), moved AS (
    UPDATE message SET
        state = locked.next,
        provider_message_id = coalesce(message.provider_message_id, locked.provider_message_id),
        provider_status = coalesce(CASE WHEN message.state = locked.next THEN message.provider_status END,
                                   locked.provider_status),
        accepted_at = CASE WHEN locked.state = 'accepted' THEN least(message.accepted_at, locked.answered_at)
                           ELSE message.accepted_at END,
        parts = coalesce(locked.parts, message.parts),
        due_at = CASE WHEN locked.next = 'queued' THEN coalesce(locked.due_at, message.due_at) ELSE message.due_at END,
        hold_reason = CASE WHEN locked.next = 'queued' THEN locked.error_code END,
        error_class = CASE WHEN locked.next = message.state THEN message.error_class ELSE locked.error_class END,
        error_code = CASE WHEN locked.next = message.state THEN message.error_code ELSE locked.error_code END,
        error_message = CASE WHEN locked.next = message.state THEN message.error_message
                             ELSE locked.error_message END,
        final_at = CASE WHEN locked.next = 'rejected' THEN locked.answered_at
                        WHEN locked.next = message.state THEN message.final_at END,
        status_changed_at = CASE WHEN locked.next = message.state THEN message.status_changed_at
                                 ELSE locked.answered_at END
    FROM locked
    WHERE message.workspace_id = $1 AND message.id = locked.id
    RETURNING
        old.state AS old_state, coalesce(old.error_code, old.reason, '') AS old_code,
        coalesce(old.parts, 0) AS old_parts,
        new.state AS state, coalesce(new.error_code, new.reason, '') AS code, coalesce(new.parts, 0) AS parts
), counted AS (
    INSERT INTO run_counter AS counter (run_id, shard, state, code, workspace_id, count, parts)
    SELECT $2, $14, state, code, $1, sum(change), sum(parts) FROM (
        SELECT old_state AS state, old_code AS code, -1 AS change, -old_parts AS parts FROM moved
        UNION ALL
        SELECT state, code, 1, CASE WHEN state = 'queued' THEN 0 ELSE parts END FROM moved
    ) AS deltas
    WHERE $2::uuid IS NOT NULL
    GROUP BY state, code HAVING sum(change) <> 0 OR sum(parts) <> 0 ORDER BY state, code
    ON CONFLICT (run_id, shard, state, code)
    DO UPDATE SET count = counter.count + excluded.count, parts = counter.parts + excluded.parts
), earlier AS (
    UPDATE attempt SET
        outcome = outcome.state,
        provider_message_id = coalesce(attempt.provider_message_id, outcome.provider_message_id),
        error_class = outcome.error_class, error_code = outcome.error_code, error_message = outcome.error_message
    FROM outcome
    WHERE attempt.workspace_id = $1 AND attempt.message_id = outcome.id AND attempt.attempt = outcome.attempt
      AND outcome.state IN ('accepted', 'rejected')
)
SELECT count(*) FILTER (WHERE old_state <> state) AS moved FROM moved
"""


async def record(
    connection: Connection | Pool, *, workspace_id: UUID, run_id: UUID | None, outcomes: Sequence[AttemptOutcome]
) -> int:
    """Writes the outcomes of one run's attempts in the caller's transaction, or its own; how many messages moved."""
    moved: int = await connection.fetchval(
        _RECORD,
        workspace_id,
        run_id,
        [item.message_id for item in outcomes],
        [item.attempt for item in outcomes],
        [item.state.value for item in outcomes],
        [item.answered_at for item in outcomes],
        [item.provider_message_id for item in outcomes],
        [item.provider_status for item in outcomes],
        [item.parts for item in outcomes],
        [item.due_at for item in outcomes],
        [item.error_class.value if item.error_class else None for item in outcomes],
        [item.error_code for item in outcomes],
        [item.error_message for item in outcomes],
        SHARD,
    )
    return moved


async def suppress(
    connection: Connection, *, workspace_id: UUID, message_ids: Sequence[UUID], reason: str, source: str
) -> None:
    """Suppresses the addresses of messages for the sender that was refused."""
    await connection.execute(
        """
        INSERT INTO suppression (id, created_at, workspace_id, channel, address, sender_id, reason, source)
        SELECT uuidv7(), now(), workspace_id, channel, address, sender_id, $3, $4
        FROM message WHERE workspace_id = $1 AND id = ANY($2::uuid[]) ORDER BY address
        ON CONFLICT DO NOTHING
        """,
        workspace_id,
        message_ids,
        reason,
        source,
    )
