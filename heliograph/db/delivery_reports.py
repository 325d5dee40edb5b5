"""Delivery reports for a message broker, in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from heliograph.db.engine import Connection, Pool
from heliograph.domain.ledger import OPEN

_OPEN = "'{" + ",".join(sorted(OPEN)) + "}'::message_state[]"


async def expect(connection: Connection, workspace_id: UUID, message_ids: Sequence[UUID], channel_type: str) -> None:
    """From now on the broker is to be told the end of these messages; in the commit that queues them."""
    await connection.execute(
        """
        INSERT INTO delivery_report (workspace_id, message_id, channel_type, due_at, created_at, tries)
        SELECT $1, id, $3, now(), now(), 0 FROM unnest($2::uuid[]) AS given (id)
        ON CONFLICT DO NOTHING
        """,
        workspace_id,
        message_ids,
        channel_type,
    )


@dataclass(frozen=True, slots=True)
class EndedMessage:
    """A message whose end the broker is to be told."""

    workspace_id: UUID
    message_id: UUID
    channel_type: str
    state: str
    reason: str | None
    provider_status: str | None
    error_code: str | None


# A row is looked at when it is due. Of a message that goes on, the pause until the next look is a tenth of what it has
# waited so far, from half a second to a minute: a few dozen looks in a day, and a report within seconds of a quick end.
# What has ended is held for `$2`, so that nobody else tells it meanwhile; if we die, it is told once more.
_TAKE = f"""
WITH due AS (
    SELECT workspace_id, message_id FROM delivery_report WHERE due_at <= now()
    ORDER BY due_at LIMIT $1
    FOR UPDATE SKIP LOCKED
), looked_at AS (
    UPDATE delivery_report AS report SET
        due_at = now() + CASE
            WHEN message.state <> ALL ({_OPEN}) THEN $2::interval
            ELSE least(interval '1 minute', greatest(interval '0.5 seconds', (now() - report.created_at) / 10))
        END,
        tries = report.tries + (message.state <> ALL ({_OPEN}))::int::smallint
    FROM due
    CROSS JOIN LATERAL (
        SELECT state, reason, provider_status, error_code FROM message
        WHERE message.workspace_id = due.workspace_id AND message.id = due.message_id
    ) AS message
    WHERE report.workspace_id = due.workspace_id AND report.message_id = due.message_id
    RETURNING report.workspace_id, report.message_id, report.channel_type, message.state, message.reason,
        message.provider_status, message.error_code
)
SELECT workspace_id, message_id, channel_type, state::text, reason, provider_status, error_code
FROM looked_at WHERE state <> ALL ({_OPEN})
"""


async def take_ended(pool: Pool, limit: int, hold: timedelta) -> list[EndedMessage]:
    """Looks at up to `limit` messages that are due; those that have ended are ours to tell for `hold`."""
    return [EndedMessage(**row) for row in await pool.fetch(_TAKE, limit, hold)]


async def forget(pool: Pool, told: Sequence[EndedMessage]) -> None:
    """The broker has confirmed these."""
    await pool.execute(
        """
        DELETE FROM delivery_report AS report
        USING unnest($1::uuid[], $2::uuid[]) AS told (workspace_id, message_id)
        WHERE report.workspace_id = told.workspace_id AND report.message_id = told.message_id
        """,
        [each.workspace_id for each in told],
        [each.message_id for each in told],
    )


async def postpone(pool: Pool, untold: Sequence[EndedMessage], delay: timedelta) -> None:
    """The broker did not take these: they are told later."""
    await pool.execute(
        """
        UPDATE delivery_report AS report SET due_at = now() + $3::interval
        FROM unnest($1::uuid[], $2::uuid[]) AS untold (workspace_id, message_id)
        WHERE report.workspace_id = untold.workspace_id AND report.message_id = untold.message_id
        """,
        [each.workspace_id for each in untold],
        [each.message_id for each in untold],
        delay,
    )
