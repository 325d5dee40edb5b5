"""Messages outside runs in SQL: queued, claimed, followed until their final word."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from heliograph.db.engine import Connection, Pool
from heliograph.db.moves import MOVED, Moves, read_moves, summed
from heliograph.db.webhooks import CallbackTarget, ask_for_messages
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel
from heliograph.telemetry.metrics import Route


@dataclass(frozen=True, slots=True)
class NewDirectMessage:
    """A message to be queued; `dedupe_key` makes a repetition harmless."""

    id: UUID
    dedupe_key: str
    channel: Channel
    category: Category
    type: str | None
    address: str
    body: str
    parts: int
    connector_id: UUID
    sender_id: UUID
    due_at: datetime
    expires_at: datetime
    routed: bool = False  # no sender was chosen
    content: dict[str, Any] = field(default_factory=dict)
    callback: CallbackTarget | None = None


# A repeated message inserts nothing, and its first one is answered: `kept` in the order that was given.
_QUEUE = """
WITH given AS (
    SELECT * FROM unnest(
        $2::uuid[], $3::text[], $4::channel[], $5::category[], $6::text[], $7::text[], $8::text[], $9::smallint[],
        $10::uuid[], $11::uuid[], $12::timestamptz[], $13::timestamptz[], $14::jsonb[], $15::boolean[]
    ) WITH ORDINALITY AS given (
        id, dedupe_key, channel, category, type, address, body, parts,
        connector_id, sender_id, due_at, expires_at, content, routed, position
    )
), queued AS (
    INSERT INTO message (
        workspace_id, id, dedupe_key, channel, category, type, address, state, due_at, attempt,
        connector_id, sender_id, body, parts, status_changed_at, created_at
    )
    SELECT $1, id, dedupe_key, channel, category, type, address, 'queued', due_at, 0,
        connector_id, sender_id, body, parts, now(), now()
    FROM given ORDER BY dedupe_key
    ON CONFLICT (dedupe_key, workspace_id) DO NOTHING
    RETURNING id, dedupe_key
), waiting AS (
    INSERT INTO direct_message (
        workspace_id, message_id, category, connector_id, sender_id, routed, step, due_at, expires_at, polls, content
    )
    SELECT $1, id, category, connector_id, sender_id, routed, 'send', due_at, expires_at, 0, content
    FROM given JOIN queued USING (id)
)
SELECT coalesce(queued.id, message.id) AS id, queued.id IS NOT NULL AS fresh
FROM given
LEFT JOIN queued USING (dedupe_key)
LEFT JOIN message ON message.dedupe_key = given.dedupe_key AND message.workspace_id = $1
ORDER BY given.position
"""


async def queue(
    connection: Connection, workspace_id: UUID, messages: Sequence[NewDirectMessage]
) -> list[tuple[UUID, bool]]:
    """Queues messages in the caller's transaction; for each its id, and whether it was not there yet."""
    rows = await connection.fetch(
        _QUEUE,
        workspace_id,
        [each.id for each in messages],
        [each.dedupe_key for each in messages],
        [each.channel.value for each in messages],
        [each.category.value for each in messages],
        [each.type for each in messages],
        [each.address for each in messages],
        [each.body for each in messages],
        [each.parts for each in messages],
        [each.connector_id for each in messages],
        [each.sender_id for each in messages],
        [each.due_at for each in messages],
        [each.expires_at for each in messages],
        [each.content for each in messages],
        [each.routed for each in messages],
    )
    queued = [(row["id"], row["fresh"]) for row in rows]
    await ask_for_messages(
        connection,
        workspace_id,
        [
            (message_id, each.callback)
            for each, (message_id, fresh) in zip(messages, queued, strict=True)
            if fresh and each.callback is not None
        ],
    )
    return queued


async def any_due(pool: Pool, category: Category) -> bool:
    """Whether anything could be claimed now. One probe of a small index: asked many times a second."""
    due: bool = await pool.fetchval(
        "SELECT EXISTS (SELECT FROM direct_message WHERE step = 'send' AND category = $1 AND due_at <= now())",
        category.value,
    )
    return due


@dataclass(frozen=True, slots=True)
class DirectClaim:
    """A message that is ours until its lease runs out, with all that sending it takes."""

    workspace_id: UUID
    id: UUID
    attempt: int
    address: str
    body: str
    parts: int
    content: dict[str, Any]
    channel: Channel
    category: Category
    type: str | None
    connector_id: UUID
    provider: str
    connector_speed: float | None  # messages per second
    sender_id: UUID
    sender_kind: str
    sender_address: str
    sender_speed: float | None


# One statement and one commit before anything is sent. `due` takes rows that nobody else is taking and whose connector
# may be asked; suppressions and expiry are checked again. The row of a message that may not be sent any more goes.
_CLAIM_SQL = """
WITH due AS (
    SELECT workspace_id, message_id, connector_id, sender_id, expires_at, content FROM direct_message
    WHERE step = 'send' AND category = $1 AND due_at <= now() {which} AND NOT EXISTS (
        SELECT FROM pacing_bucket
        WHERE key = 'connector/' || direct_message.connector_id AND blocked_until > now()
    )
    ORDER BY due_at LIMIT $2
    FOR UPDATE SKIP LOCKED
), wanted AS (
    SELECT due.*,
        CASE
            WHEN due.expires_at <= now() THEN 'expired'
            WHEN stopped.reason IS NOT NULL THEN 'suppressed'
            ELSE 'claimed'
        END::message_state AS verdict,
        CASE WHEN due.expires_at <= now() THEN 'too_late' ELSE stopped.reason END AS reason
    FROM (SELECT * FROM due ORDER BY message_id) AS due
    CROSS JOIN LATERAL (
        SELECT channel, address FROM message
        WHERE message.workspace_id = due.workspace_id AND message.id = due.message_id AND message.state = 'queued'
        FOR UPDATE
    ) AS message
    LEFT JOIN LATERAL (
        SELECT suppression.reason FROM suppression
        WHERE suppression.workspace_id = due.workspace_id AND suppression.channel = message.channel
          AND suppression.address = message.address
          AND (suppression.sender_id IS NULL OR suppression.sender_id = due.sender_id)
        LIMIT 1
    ) AS stopped ON true
), archived AS (
    INSERT INTO attempt (
        workspace_id, message_id, attempt, connector_id, sender_id, claimed_at, outcome,
        provider_message_id, error_class, error_code, error_message
    )
    SELECT message.workspace_id, message.id, message.attempt, message.connector_id, message.sender_id, claimed_at,
        state, provider_message_id, error_class, error_code, error_message
    FROM message JOIN wanted ON message.workspace_id = wanted.workspace_id AND message.id = wanted.message_id
    WHERE message.attempt > 0
    ON CONFLICT DO NOTHING
), moved AS (
    UPDATE message SET
        state = wanted.verdict,
        reason = wanted.reason,
        hold_reason = NULL,
        connector_id = wanted.connector_id,
        sender_id = wanted.sender_id,
        attempt = message.attempt + (wanted.verdict = 'claimed')::int::smallint,
        claimed_at = CASE WHEN wanted.verdict = 'claimed' THEN clock_timestamp() END,
        lease_until = CASE WHEN wanted.verdict = 'claimed' THEN clock_timestamp() + $3::interval END,
        provider_message_id = NULL, provider_status = NULL,
        error_class = NULL, error_code = NULL, error_message = NULL,
        final_at = CASE WHEN wanted.verdict <> 'claimed' THEN now() END,
        status_changed_at = now()
    FROM wanted
    WHERE message.workspace_id = wanted.workspace_id AND message.id = wanted.message_id
    RETURNING message.*, wanted.content
), leased AS (
    UPDATE direct_message SET step = 'settle', due_at = moved.lease_until
    FROM moved
    WHERE moved.state = 'claimed'
      AND direct_message.workspace_id = moved.workspace_id AND direct_message.message_id = moved.id
), ended AS (
    DELETE FROM direct_message USING moved
    WHERE moved.state <> 'claimed'
      AND direct_message.workspace_id = moved.workspace_id AND direct_message.message_id = moved.id
)
SELECT moved.workspace_id, moved.id, moved.attempt, moved.address, coalesce(moved.body, '') AS body,
    coalesce(moved.parts, 1) AS parts, moved.content, moved.channel::text, moved.category::text, moved.type,
    moved.connector_id, connector.provider, connector.messages_per_second AS connector_speed,
    moved.sender_id, sender.kind AS sender_kind, sender.address AS sender_address,
    sender.messages_per_second AS sender_speed, moved.state::text, moved.reason
FROM moved
JOIN connector ON connector.id = moved.connector_id
JOIN sender ON sender.id = moved.sender_id
ORDER BY moved.due_at
"""
_CLAIM = _CLAIM_SQL.replace("{which}", "")
_CLAIM_THESE = _CLAIM_SQL.replace("{which}", "AND message_id = ANY ($4)")


@dataclass(frozen=True, slots=True)
class DirectClaims:
    """What a claim came to."""

    claimed: list[DirectClaim]
    excluded: list[Moves]  # what may not be sent any more


async def claim(pool: Pool, category: Category, limit: int, lease: timedelta) -> DirectClaims:
    """Claims up to `limit` messages of a category that are due; commits before it returns."""
    return _claims(await pool.fetch(_CLAIM, category.value, limit, lease))


async def claim_these(
    connection: Connection, category: Category, message_ids: Sequence[UUID], lease: timedelta
) -> DirectClaims:
    """Claims these messages of a category, as far as they may be sent now, in the caller's transaction."""
    return _claims(await connection.fetch(_CLAIM_THESE, category.value, len(message_ids), lease, message_ids))


def _claims(rows: Sequence[Any]) -> DirectClaims:
    claimed: list[DirectClaim] = []
    excluded: Counter[tuple[Route, MessageState, str | None]] = Counter()
    for row in rows:
        known = {**row, "channel": Channel(row["channel"]), "category": Category(row["category"])}
        state, reason = MessageState(known.pop("state")), known.pop("reason")
        claim = DirectClaim(**known)
        if state is MessageState.CLAIMED:
            claimed.append(claim)
        else:
            excluded[Route(claim.provider, claim.channel, claim.category, claim.type), state, reason] += 1
    return DirectClaims(
        claimed, [Moves(route, state, count, reason=reason) for (route, state, reason), count in excluded.items()]
    )


@dataclass(frozen=True, slots=True)
class Stranded:
    """Routed messages that wait for a connector which takes nothing now."""

    workspace_id: UUID
    connector_id: UUID
    channel: Channel


async def stranded(pool: Pool, category: Category) -> list[Stranded]:
    """Where routed messages of a category are due at a connector that is shut, or blocked for a while."""
    rows = await pool.fetch(
        """
        SELECT DISTINCT waiting.workspace_id, waiting.connector_id, connector.channel::text
        FROM direct_message AS waiting
        JOIN connector ON connector.id = waiting.connector_id
        LEFT JOIN connector_health AS health ON health.connector_id = waiting.connector_id
        LEFT JOIN pacing_bucket AS bucket ON bucket.key = 'connector/' || waiting.connector_id
        WHERE waiting.step = 'send' AND waiting.category = $1 AND waiting.due_at <= now() AND waiting.routed
          AND (health.state = 'shut' OR bucket.blocked_until > now() + interval '2 seconds')
        """,
        category.value,
    )
    return [Stranded(row["workspace_id"], row["connector_id"], Channel(row["channel"])) for row in rows]


async def redirect(pool: Pool, where: Stranded, category: Category, *, connector_id: UUID, sender_id: UUID) -> int:
    """Gives stranded messages another way for their next try; how many. What each was tried with stays told."""
    redirected: list[Any] = await pool.fetch(
        """
        UPDATE direct_message SET connector_id = $4, sender_id = $5
        WHERE workspace_id = $1 AND connector_id = $2 AND category = $3 AND step = 'send' AND routed
        RETURNING message_id
        """,
        where.workspace_id,
        where.connector_id,
        category.value,
        connector_id,
        sender_id,
    )
    return len(redirected)


# What is to be done next follows from the state that the message has by now. Each is looked up by its key: joined
# freely, a planner without statistics reads every message there is, in each commit of an answer.
_FOLLOW = """
WITH now_is AS (
    SELECT given.workspace_id, given.id, message.state, message.due_at
    FROM unnest($1::uuid[], $2::uuid[]) AS given (workspace_id, id)
    CROSS JOIN LATERAL (
        SELECT state, due_at FROM message
        WHERE message.workspace_id = given.workspace_id AND message.id = given.id LIMIT 1
    ) AS message
), ended AS (
    DELETE FROM direct_message USING now_is
    WHERE direct_message.workspace_id = now_is.workspace_id AND direct_message.message_id = now_is.id
      AND now_is.state NOT IN ('queued', 'claimed', 'in_doubt', 'accepted', 'sent')
)
UPDATE direct_message SET
    step = CASE now_is.state WHEN 'queued' THEN 'send' WHEN 'in_doubt' THEN 'decide' ELSE 'await' END::direct_step,
    due_at = CASE WHEN now_is.state = 'queued' THEN now_is.due_at ELSE now() + $3::interval END
FROM now_is
WHERE direct_message.workspace_id = now_is.workspace_id AND direct_message.message_id = now_is.id
  AND now_is.state IN ('queued', 'in_doubt', 'accepted', 'sent')
"""


async def follow(connection: Connection, messages: Sequence[tuple[UUID, UUID]], look_again: timedelta) -> None:
    """After outcomes, decisions or polls, in their transaction: sets what each (workspace, message) waits for now."""
    workspaces, ids = [each[0] for each in messages], [each[1] for each in messages]
    await connection.execute(_FOLLOW, workspaces, ids, look_again)


# A message that is locked is being recorded just now, by who then sets what it waits for: waiting for it here, with
# its row of `direct_message` in hand, would be waiting in a circle.
_SETTLE = f"""
WITH expired AS (
    SELECT workspace_id, message_id FROM direct_message
    WHERE step = 'settle' AND due_at < now() ORDER BY due_at LIMIT 500 FOR UPDATE SKIP LOCKED
), locked AS (
    SELECT expired.workspace_id, expired.message_id AS id, message.state
    FROM (SELECT * FROM expired ORDER BY message_id) AS expired
    CROSS JOIN LATERAL (
        SELECT state FROM message
        WHERE message.workspace_id = expired.workspace_id AND message.id = expired.message_id
        FOR UPDATE SKIP LOCKED
    ) AS message
), moved AS (
    UPDATE message SET
        state = 'in_doubt', error_class = 'unknown_outcome', error_code = 'lease_expired',
        error_message = 'The worker that held this message stopped before it recorded the answer.',
        status_changed_at = now()
    FROM locked
    WHERE locked.state = 'claimed' AND message.workspace_id = locked.workspace_id AND message.id = locked.id
    RETURNING new.state, {MOVED}
), waiting AS (
    UPDATE direct_message SET step = 'decide', due_at = now()
    FROM locked
    WHERE direct_message.workspace_id = locked.workspace_id AND direct_message.message_id = locked.id
)
{summed("moved")}
"""


async def settle_expired(connection: Connection) -> list[Moves]:
    """Claims whose lease ran out become `in_doubt`, in the caller's transaction."""
    return read_moves(await connection.fetch(_SETTLE))


async def cancel(connection: Connection, workspace_id: UUID, message_id: UUID) -> bool:
    """Cancels a message that is still queued, in the caller's transaction; whether it was."""
    cancelled = await connection.fetchval(
        """
        WITH gone AS (
            DELETE FROM direct_message
            WHERE workspace_id = $1 AND message_id = $2 AND step = 'send' RETURNING message_id
        )
        UPDATE message SET state = 'cancelled', reason = 'by_request', hold_reason = NULL,
            final_at = now(), status_changed_at = now()
        FROM gone WHERE message.workspace_id = $1 AND message.id = gone.message_id AND message.state = 'queued'
        RETURNING message.id
        """,
        workspace_id,
        message_id,
    )
    return cancelled is not None
