"""Messages from people in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from heliograph.db.engine import Connection


@dataclass(frozen=True, slots=True)
class NewInbound:
    """A message from a person, as it is stored."""

    provider_message_id: str
    address: str
    sent_to: str
    body: str
    keyword: str | None
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredInbound:
    """A message that was not there yet, with our sender where it is known."""

    id: UUID
    address: str
    sender_id: UUID | None
    body: str
    keyword: str | None


_STORE = """
WITH given AS (
    SELECT * FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
        AS given (provider_message_id, address, sent_to, body, keyword, occurred_at)
)
INSERT INTO inbound_message (
    id, created_at, workspace_id, connector_id, provider_message_id, channel, address, sender_id, sent_to, body,
    keyword, received_at, occurred_at
)
SELECT uuidv7(), now(), $1, $2, given.provider_message_id, connector.channel, given.address, ours.id, given.sent_to,
    given.body, given.keyword, now(), given.occurred_at
FROM given
JOIN connector ON connector.id = $2
LEFT JOIN LATERAL (
    SELECT sender.id FROM sender
    WHERE sender.connector_id = $2 AND sender.deleted_at IS NULL
      AND ltrim(sender.address, '+') = ltrim(given.sent_to, '+')
    ORDER BY sender.id LIMIT 1
) AS ours ON true
ON CONFLICT (connector_id, provider_message_id) WHERE provider_message_id <> '' DO NOTHING
RETURNING id, address, sender_id, body, keyword
"""


async def store(
    connection: Connection, workspace_id: UUID, connector_id: UUID, messages: Sequence[NewInbound]
) -> list[StoredInbound]:
    """Stores what is new, in the caller's transaction; answers only that."""
    rows = await connection.fetch(
        _STORE,
        workspace_id,
        connector_id,
        [each.provider_message_id for each in messages],
        [each.address for each in messages],
        [each.sent_to for each in messages],
        [each.body for each in messages],
        [each.keyword for each in messages],
        [each.occurred_at for each in messages],
    )
    return [StoredInbound(**row) for row in rows]
