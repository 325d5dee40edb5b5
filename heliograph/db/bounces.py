"""E-mail addresses that nothing is to be sent to any more, by what became of a message to them."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

from heliograph.db.engine import Connection

HARD_BOUNCE: Final = "hard_bounce"
"""The reason of an address that is dead: whoever had it suppressed by mistake lifts it by hand."""


class LostAddress(NamedTuple):
    """A message by our name or the provider's, and why its address is not to be written to again."""

    message_id: UUID | None
    provider_message_id: str
    reason: str  # of the suppression
    source: str


# Whole workspace: neither is a matter of the sender. Attempts besides the last have the address of their message.
_SUPPRESS = """
WITH lost AS (
    SELECT * FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[])
        AS lost (message_id, provider_message_id, reason, source)
), address AS (
    SELECT message.address, lost.reason, lost.source FROM lost
    JOIN message ON message.workspace_id = $1 AND message.id = lost.message_id
    WHERE message.channel = 'email'
    UNION
    SELECT message.address, lost.reason, lost.source FROM lost
    JOIN message ON message.provider_message_id = lost.provider_message_id
    WHERE lost.message_id IS NULL AND message.workspace_id = $1 AND message.connector_id = $2
      AND message.channel = 'email'
)
INSERT INTO suppression (id, created_at, workspace_id, channel, address, sender_id, reason, source)
SELECT uuidv7(), now(), $1, 'email', address, NULL, reason, source FROM address ORDER BY address
ON CONFLICT DO NOTHING
"""


async def suppress(
    connection: Connection, *, workspace_id: UUID, connector_id: UUID, lost: Sequence[LostAddress]
) -> None:
    """Suppresses the addresses of these messages, as far as they are e-mails, in the caller's transaction."""
    await connection.execute(_SUPPRESS, workspace_id, connector_id, *map(list, zip(*lost, strict=True)))
