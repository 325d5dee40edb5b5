"""The outbox: what must follow a commit is written in it, then dispatched at least once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from heliograph.db.engine import Connection

IMPORT_START = "import.start"
EXPORT_START = "export.start"
CAMPAIGN_START = "campaign.start"
CAMPAIGN_PROGRESS = "campaign.progress"
WEBHOOK_WAKE = "webhook.wake"


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One thing to tell."""

    id: int
    workspace_id: UUID
    topic: str
    key: str
    payload: dict[str, Any]
    tries: int
    traceparent: str | None = None  # for `heliograph.telemetry.tracing.continued`


async def take(connection: Connection, limit: int, hold: timedelta) -> list[OutboxRow]:
    """Takes the oldest available rows, hidden from other dispatchers for `hold`.

    A row waits while an earlier one of its key is held or postponed: what is told of a key is told in order.
    A dispatcher that dies loses its hold, and the rows are told again: receivers bear repetition.
    """
    rows = await connection.fetch(
        """
        UPDATE outbox SET available_at = now() + $2, tries = tries + 1
        WHERE id IN (
            SELECT id FROM outbox AS row
            WHERE available_at <= now() AND NOT EXISTS (
                SELECT FROM outbox AS earlier
                WHERE earlier.key = row.key AND earlier.id < row.id AND earlier.available_at > now()
            )
            ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        RETURNING id, workspace_id, topic, key, payload, tries, traceparent
        """,
        limit,
        hold,
    )
    return sorted((OutboxRow(**row) for row in rows), key=lambda row: row.id)


async def forget(connection: Connection, ids: Sequence[int]) -> None:
    """Deletes rows that were told."""
    await connection.execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", ids)


async def postpone(connection: Connection, id: int, delay: timedelta, error: str) -> None:
    """Leaves a row for later, with the reason."""
    await connection.execute(
        "UPDATE outbox SET available_at = now() + $2, last_error = $3 WHERE id = $1", id, delay, error[:500]
    )
