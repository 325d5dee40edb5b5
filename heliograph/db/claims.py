"""Claiming: a worker reads what it could send, renders it, then takes it, while every rule is checked again."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from heliograph.db.counters import SHARD
from heliograph.db.engine import Connection, Pool
from heliograph.domain.ledger import MessageState


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that could be claimed now, with what is needed to render it."""

    id: UUID
    number: int
    address: str
    variables: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A candidate ready to be claimed; `refusal` instead of a body makes it `invalid`."""

    id: UUID
    body: str | None
    parts: int
    refusal: str | None = None


async def candidates(pool: Pool, run_id: UUID, wave: int, first: int, last: int, limit: int) -> list[Candidate]:
    """Queued messages of a key range, due now, in order. Reads ix_message_range and the source by its key."""
    rows = await pool.fetch(
        """
        SELECT message.id, message.number, message.address, recipient.variables
        FROM message
        JOIN run ON run.id = message.run_id
        JOIN audience_row AS recipient
          ON recipient.audience_id = run.audience_id AND recipient.number = message.number
        WHERE message.run_id = $1 AND message.wave = $2 AND message.number BETWEEN $3 AND $4
          AND message.state = 'queued' AND message.due_at <= now()
        ORDER BY message.number
        LIMIT $5
        """,
        run_id,
        wave,
        first,
        last,
        limit,
    )
    return [Candidate(row["id"], row["number"], row["address"], row["variables"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that is ours until its lease runs out."""

    id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class Claims:
    """What a claim came to."""

    claimed: list[Claim]
    excluded: Counter[tuple[MessageState, str]]  # by state and reason: what may not be sent any more


# One statement, so one round trip and one commit before anything is sent:
#   wanted    locks what is still queued (another worker's rows are skipped, not waited for) and decides anew
#             under today's run status, expiry and suppressions. A lateral look-up per row, in the order of ids: joined
#             freely, a planner without statistics reads the whole workspace for each chunk;
#   archived  moves an earlier attempt to `attempt`, also when no further one is allowed: it may have been sent;
#   moved     claims or excludes, HOT: no indexed column changes unless an earlier attempt had a provider's id;
#   leased    tells the sweeper where to look when this worker dies;
#   counted   keeps the run's counters.
_CLAIM = """
WITH given AS (
    SELECT * FROM unnest($3::uuid[], $4::text[], $5::smallint[], $6::text[]) AS given (id, body, parts, refusal)
), wanted AS (
    SELECT message.id, given.body, given.parts,
        CASE
            WHEN run.expires_at <= now() THEN 'expired'
            WHEN given.refusal IS NOT NULL THEN 'invalid'
            WHEN stopped.reason IS NOT NULL THEN 'suppressed'
            ELSE 'claimed'
        END::message_state AS verdict,
        CASE
            WHEN run.expires_at <= now() THEN 'too_late'
            WHEN given.refusal IS NOT NULL THEN given.refusal
            ELSE stopped.reason
        END AS reason
    FROM (SELECT * FROM given ORDER BY id) AS given
    CROSS JOIN LATERAL (
        SELECT message.id, message.channel, message.address FROM message
        WHERE message.workspace_id = $1 AND message.id = given.id
          AND message.state = 'queued' AND message.due_at <= now()
        FOR UPDATE SKIP LOCKED
    ) AS message
    JOIN run ON run.id = $2 AND run.status = 'ACTIVE'
    LEFT JOIN LATERAL (
        SELECT suppression.reason FROM suppression
        WHERE suppression.workspace_id = $1 AND suppression.channel = message.channel
          AND suppression.address = message.address
          AND (suppression.sender_id IS NULL OR suppression.sender_id = $13)
        LIMIT 1
    ) AS stopped ON true
), archived AS (
    INSERT INTO attempt (
        workspace_id, message_id, attempt, connector_id, sender_id, claimed_at, outcome,
        provider_message_id, error_class, error_code, error_message
    )
    SELECT message.workspace_id, message.id, message.attempt, connector_id, sender_id, claimed_at, state,
        provider_message_id, error_class, error_code, error_message
    FROM message JOIN wanted ON message.workspace_id = $1 AND message.id = wanted.id
    WHERE message.attempt > 0
    ON CONFLICT DO NOTHING
), moved AS (
    UPDATE message SET
        state = wanted.verdict,
        reason = wanted.reason,
        hold_reason = NULL,
        connector_id = $12,
        sender_id = $13,
        attempt = message.attempt + (wanted.verdict = 'claimed')::int::smallint,
        claimed_at = CASE WHEN wanted.verdict = 'claimed' THEN clock_timestamp() END,
        lease_until = CASE WHEN wanted.verdict = 'claimed' THEN clock_timestamp() + $7::interval END,
        provider_message_id = NULL, provider_status = NULL,
        error_class = NULL, error_code = NULL, error_message = NULL,
        body = wanted.body,
        parts = wanted.parts,
        final_at = CASE WHEN wanted.verdict <> 'claimed' THEN now() END,
        status_changed_at = now()
    FROM wanted
    WHERE message.workspace_id = $1 AND message.id = wanted.id
    RETURNING message.id, message.attempt, message.lease_until, new.state AS state, message.parts AS parts,
        coalesce(old.error_code, old.reason, '') AS old_code, coalesce(new.reason, '') AS code
), leased AS (
    INSERT INTO batch AS known (run_id, wave, first_number, last_number, workspace_id, lease_until)
    SELECT $2, $8, $9, $10, $1, min(lease_until) FROM moved WHERE state = 'claimed' HAVING count(*) > 0
    ON CONFLICT (run_id, wave, first_number) DO UPDATE
    SET lease_until = least(known.lease_until, excluded.lease_until),
        last_number = greatest(known.last_number, excluded.last_number)
), counted AS (
    INSERT INTO run_counter AS counter (run_id, shard, state, code, workspace_id, count, parts)
    SELECT $2, $11, state, code, $1, sum(change), sum(parts) FROM (
        SELECT 'queued'::message_state AS state, old_code AS code, -1 AS change, 0 AS parts FROM moved
        UNION ALL
        SELECT state, code, 1, CASE WHEN state = 'claimed' THEN coalesce(parts, 0) ELSE 0 END FROM moved
    ) AS deltas GROUP BY state, code ORDER BY state, code
    ON CONFLICT (run_id, shard, state, code)
    DO UPDATE SET count = counter.count + excluded.count, parts = counter.parts + excluded.parts
)
SELECT id, attempt, state::text, code AS reason FROM moved
"""


async def claim(
    pool: Pool,
    *,
    workspace_id: UUID,
    run_id: UUID,
    wave: int,
    first: int,
    last: int,
    rendered: Sequence[Rendered],
    lease: timedelta,
    connector_id: UUID,
    sender_id: UUID,
) -> Claims:
    """Claims what may still be sent, from this sender, and excludes what may not; commits before it returns."""
    rows = await pool.fetch(
        _CLAIM,
        workspace_id,
        run_id,
        [item.id for item in rendered],
        [item.body for item in rendered],
        [item.parts for item in rendered],
        [item.refusal for item in rendered],
        lease,
        wave,
        first,
        last,
        SHARD,
        connector_id,
        sender_id,
    )
    claimed = [Claim(row["id"], row["attempt"]) for row in rows if row["state"] == MessageState.CLAIMED]
    excluded = Counter(
        (MessageState(row["state"]), row["reason"]) for row in rows if row["state"] != MessageState.CLAIMED
    )
    return Claims(claimed, excluded)


@dataclass(frozen=True, slots=True)
class Remaining:
    """What a range still has to send."""

    queued: int
    due_at: datetime | None
    active: bool


async def remaining(connection: Connection | Pool, run_id: UUID, wave: int, first: int, last: int) -> Remaining:
    """Queued messages of a range, when the first is due, and whether the run is ACTIVE."""
    row = await connection.fetchrow(
        """
        SELECT
            (SELECT status = 'ACTIVE' FROM run WHERE id = $1) AS active,
            count(*) AS queued, min(due_at) AS due_at
        FROM message
        WHERE run_id = $1 AND wave = $2 AND number BETWEEN $3 AND $4 AND state = 'queued'
        """,
        run_id,
        wave,
        first,
        last,
    )
    return Remaining(row["queued"], row["due_at"], bool(row["active"]))
