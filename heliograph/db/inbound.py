"""Messages from people in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.engine import Connection, Pool
from heliograph.db.pages import Page, PageRequest, newest_first
from heliograph.db.tables import InboundMessageRow
from heliograph.domain.vocabulary import Keyword


@dataclass(frozen=True, slots=True)
class NewInbound:
    """A message from a person, as it is stored."""

    id: UUID
    provider_message_id: str
    address: str
    sender_id: UUID | None
    sent_to: str
    body: str
    keyword: str | None
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True)
class OurSender:
    """A sender of the connector that a message came over."""

    id: UUID
    address: str


_STORE = """
INSERT INTO inbound_message (
    id, created_at, workspace_id, connector_id, provider_message_id, channel, address, sender_id, sent_to, body,
    keyword, received_at, occurred_at
)
SELECT given.id, now(), $1, $2, given.provider_message_id, connector.channel, given.address, given.sender_id,
    given.sent_to, given.body, given.keyword, now(), given.occurred_at
FROM unnest(
    $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::timestamptz[]
) AS given (id, provider_message_id, address, sender_id, sent_to, body, keyword, occurred_at)
JOIN connector ON connector.id = $2
ORDER BY given.provider_message_id, given.id
ON CONFLICT (connector_id, provider_message_id) WHERE provider_message_id <> '' DO NOTHING
RETURNING id
"""


async def store(
    connection: Connection, workspace_id: UUID, connector_id: UUID, messages: Sequence[NewInbound]
) -> set[UUID]:
    """Stores what is new, in the caller's transaction; the ids of those alone."""
    rows = await connection.fetch(
        _STORE,
        workspace_id,
        connector_id,
        [each.id for each in messages],
        [each.provider_message_id for each in messages],
        [each.address for each in messages],
        [each.sender_id for each in messages],
        [each.sent_to for each in messages],
        [each.body for each in messages],
        [each.keyword for each in messages],
        [each.occurred_at for each in messages],
    )
    return {row["id"] for row in rows}


async def senders_of(connection: Connection | Pool, connector_id: UUID) -> list[OurSender]:
    """The connector's senders in use, those first that messages come from by default."""
    rows = await connection.fetch(
        """
        SELECT id, address FROM sender WHERE connector_id = $1 AND deleted_at IS NULL
        ORDER BY is_default DESC, category = 'transactional' DESC, id
        """,
        connector_id,
    )
    return [OurSender(**row) for row in rows]


async def said_before(
    connection: Connection, workspace_id: UUID, message_id: UUID, address: str, keyword: Keyword, within: timedelta
) -> bool:
    """Whether the address wrote the same word a short while before this message."""
    said: bool = await connection.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM inbound_message
            WHERE workspace_id = $1 AND address = $3 AND id < $2 AND keyword = $4 AND received_at > now() - $5::interval
        )
        """,
        workspace_id,
        message_id,
        address,
        keyword.value,
        within,
    )
    return said


async def find_inbound(session: AsyncSession, workspace_id: UUID, message_id: UUID) -> InboundMessageRow | None:
    """One message of the workspace."""
    statement = select(InboundMessageRow).where(
        InboundMessageRow.id == message_id, InboundMessageRow.workspace_id == workspace_id
    )
    return (await session.exec(statement)).one_or_none()


async def page_inbound(
    session: AsyncSession,
    workspace_id: UUID,
    request: PageRequest[UUID],
    *,
    sender_id: UUID | None = None,
    connector_id: UUID | None = None,
    address: str | None = None,
    keyword: Keyword | None = None,
) -> Page[InboundMessageRow, UUID]:
    """The workspace's inbound messages, newest first."""
    statement = select(InboundMessageRow).where(InboundMessageRow.workspace_id == workspace_id)
    for column, wanted in (
        (InboundMessageRow.sender_id, sender_id),
        (InboundMessageRow.connector_id, connector_id),
        (InboundMessageRow.address, address),
        (InboundMessageRow.keyword, keyword),
    ):
        if wanted is not None:
            statement = statement.where(col(column) == wanted)
    return await newest_first(session, statement, col(InboundMessageRow.id), request, lambda row: row.id)
