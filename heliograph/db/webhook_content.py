"""What a message callback tells besides the change: who and what the message is, read when it is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from heliograph.db.engine import Pool


@dataclass(frozen=True, slots=True)
class ToldMessage:
    """A message as a callback describes it."""

    id: UUID
    address: str
    body: str | None
    type: str | None
    channel: str
    run_id: UUID | None
    campaign_id: UUID | None
    campaign_name: str | None
    audience: str | None
    workspace: str


async def read_messages(pool: Pool, keys: Sequence[tuple[UUID, UUID]]) -> dict[UUID, ToldMessage]:
    """By (workspace, message)."""
    rows = await pool.fetch(
        """
        SELECT message.id, message.address, message.body, message.type, message.channel::text, message.run_id,
            run.campaign_id, campaign.name AS campaign_name, audience.name AS audience, workspace.name AS workspace
        FROM unnest($1::uuid[], $2::uuid[]) AS wanted (workspace_id, id)
        JOIN message ON message.workspace_id = wanted.workspace_id AND message.id = wanted.id
        JOIN workspace ON workspace.id = message.workspace_id
        LEFT JOIN run ON run.id = message.run_id
        LEFT JOIN campaign ON campaign.id = run.campaign_id
        LEFT JOIN audience ON audience.id = run.audience_id
        """,
        [workspace_id for workspace_id, _ in keys],
        [message_id for _, message_id in keys],
    )
    return {row["id"]: ToldMessage(**row) for row in rows}


@dataclass(frozen=True, slots=True)
class Route:
    """What a message went through."""

    sender: str | None
    configuration: dict[str, Any]  # of the connector: its prices


async def read_routes(
    pool: Pool, pairs: Sequence[tuple[UUID | None, UUID | None]]
) -> dict[tuple[UUID | None, UUID | None], Route]:
    """By (sender, connector), deleted ones included."""
    rows = await pool.fetch(
        """
        SELECT wanted.sender_id, wanted.connector_id, sender.address AS sender,
            coalesce(connector.configuration, '{}') AS configuration
        FROM unnest($1::uuid[], $2::uuid[]) AS wanted (sender_id, connector_id)
        LEFT JOIN sender ON sender.id = wanted.sender_id
        LEFT JOIN connector ON connector.id = wanted.connector_id
        """,
        [sender_id for sender_id, _ in pairs],
        [connector_id for _, connector_id in pairs],
    )
    return {(row["sender_id"], row["connector_id"]): Route(row["sender"], row["configuration"]) for row in rows}
