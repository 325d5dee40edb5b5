"""What the SMS connector API looks up, in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from heliograph.db.engine import Pool


async def find_workspaces(pool: Pool, name_or_id: str) -> list[UUID]:
    """The workspaces with this name or id."""
    rows = await pool.fetch("SELECT id FROM workspace WHERE name = $1 OR id::text = lower($1) LIMIT 2", name_or_id)
    return [row["id"] for row in rows]


@dataclass(frozen=True, slots=True)
class Way:
    """A sender of the workspace and the connector behind it."""

    sender_id: UUID
    connector_id: UUID
    provider: str


_WAYS = """
SELECT sender.id AS sender_id, sender.connector_id, connector.provider
FROM sender
JOIN connector ON connector.workspace_id = sender.workspace_id AND connector.id = sender.connector_id
WHERE sender.workspace_id = $1 AND sender.channel = 'sms' AND sender.deleted_at IS NULL
  AND connector.deleted_at IS NULL AND {condition}
ORDER BY connector.sealed_credentials IS NOT NULL DESC, connector.provider = 'smpp' DESC, sender.is_default DESC,
    sender.category = 'transactional' DESC, sender.id
LIMIT 1
"""
_NAMED = _WAYS.format(condition="ltrim(sender.address, '+') = ANY ($2)")
_ANY = _WAYS.format(condition="true")


async def find_way(pool: Pool, workspace_id: UUID, addresses: Sequence[str] = ()) -> Way | None:
    """The best SMS sender with one of these addresses (or any): authenticated before not, SMPP before others."""
    if addresses:
        row = await pool.fetchrow(_NAMED, workspace_id, [each.removeprefix("+") for each in addresses])
    else:
        row = await pool.fetchrow(_ANY, workspace_id)
    return Way(**row) if row else None


async def find_connector_for_sms(pool: Pool, workspace_id: UUID) -> UUID | None:
    """The workspace's SMS connector that messages to nobody's sender count as coming over: SMPP before others."""
    found: UUID | None = await pool.fetchval(
        """
        SELECT id FROM connector WHERE workspace_id = $1 AND channel = 'sms' AND deleted_at IS NULL
        ORDER BY provider = 'smpp' DESC, sealed_credentials IS NOT NULL DESC, id LIMIT 1
        """,
        workspace_id,
    )
    return found


@dataclass(frozen=True, slots=True)
class Tried:
    """A message and its current try, as a receipt must name it."""

    id: UUID
    attempt: int
    connector_id: UUID | None
    provider_message_id: str | None


_TRIED = "SELECT id, attempt, connector_id, provider_message_id FROM message WHERE workspace_id = $1 AND "


async def find_tried(pool: Pool, workspace_id: UUID, id: UUID | None, provider_message_id: str) -> Tried | None:
    """The message with our id, or else with the provider's."""
    row = None
    if id is not None:
        row = await pool.fetchrow(f"{_TRIED} id = $2", workspace_id, id)
    if row is None:
        row = await pool.fetchrow(
            f"{_TRIED} provider_message_id = $2 ORDER BY id DESC LIMIT 1", workspace_id, provider_message_id
        )
    return Tried(**row) if row else None
