"""One message, read whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from heliograph.db.engine import Pool


@dataclass(frozen=True, slots=True)
class MessageTrace:
    """A message's row, its earlier attempts and its receipts, oldest first."""

    message: dict[str, Any]
    attempts: list[dict[str, Any]]
    receipts: list[dict[str, Any]]


async def read_trace(pool: Pool, workspace_id: UUID, message_id: UUID) -> MessageTrace | None:
    """Everything the ledger holds of a message, or None. Three look-ups by key."""
    row = await pool.fetchrow(
        """
        SELECT message.*, connector.name AS connector_name, connector.provider,
            sender.kind AS sender_kind, sender.address AS sender_address
        FROM message
        LEFT JOIN connector ON connector.workspace_id = message.workspace_id AND connector.id = message.connector_id
        LEFT JOIN sender ON sender.workspace_id = message.workspace_id AND sender.id = message.sender_id
        WHERE message.workspace_id = $1 AND message.id = $2
        """,
        workspace_id,
        message_id,
    )
    if row is None:
        return None
    attempts = await pool.fetch(
        """
        SELECT attempt.*, connector.name AS connector_name, connector.provider, sender.address AS sender_address
        FROM attempt
        LEFT JOIN connector ON connector.workspace_id = attempt.workspace_id AND connector.id = attempt.connector_id
        LEFT JOIN sender ON sender.workspace_id = attempt.workspace_id AND sender.id = attempt.sender_id
        WHERE attempt.workspace_id = $1 AND attempt.message_id = $2 ORDER BY attempt
        """,
        workspace_id,
        message_id,
    )
    receipts = await pool.fetch(
        "SELECT * FROM receipt WHERE message_id = $2 AND workspace_id = $1 ORDER BY received_at, part",
        workspace_id,
        message_id,
    )
    return MessageTrace(dict(row), [dict(each) for each in attempts], [dict(each) for each in receipts])


async def read_verdicts(pool: Pool, workspace_id: UUID, message_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """State, provider's answer and error of messages, in the order of the ids."""
    rows = await pool.fetch(
        """
        SELECT message.id, message.state::text, message.reason, message.provider_message_id, message.provider_status,
            message.error_class::text, message.error_code, message.error_message
        FROM unnest($2::uuid[]) WITH ORDINALITY AS wanted (id, position)
        JOIN message ON message.workspace_id = $1 AND message.id = wanted.id
        ORDER BY wanted.position
        """,
        workspace_id,
        message_ids,
    )
    return [dict(row) for row in rows]
