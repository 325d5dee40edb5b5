"""Suppressions in SQL: addresses that must not be sent to, workspace-wide or from one sender."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.engine import Connection
from heliograph.db.pages import Page, PageRequest, newest_first
from heliograph.db.tables import Suppression
from heliograph.domain.vocabulary import Channel

OPT_OUT: Final = "opt_out"
"""The reason of what people asked for themselves: a START lifts it."""
MANUAL: Final = "manual"
"""The reason of what somebody of the workspace set: only they lift it."""


async def opt_out(
    connection: Connection,
    *,
    workspace_id: UUID,
    connector_id: UUID,
    address: str,
    sender_ids: Sequence[UUID | None],
    source: str,
) -> None:
    """Suppresses an address on the connector's channel, in the caller's transaction; a sender None means all."""
    await connection.execute(
        """
        INSERT INTO suppression (id, created_at, workspace_id, channel, address, sender_id, reason, source)
        SELECT uuidv7(), now(), $1, connector.channel, $3, stopped.sender_id, $5, $6
        FROM connector CROSS JOIN unnest($4::uuid[]) AS stopped (sender_id)
        WHERE connector.id = $2
        ORDER BY stopped.sender_id
        ON CONFLICT DO NOTHING
        """,
        workspace_id,
        connector_id,
        address,
        sender_ids,
        OPT_OUT,
        source,
    )


async def opt_in(
    connection: Connection, *, workspace_id: UUID, connector_id: UUID, address: str, sender_ids: Sequence[UUID]
) -> None:
    """Lifts what the address asked for itself, workspace-wide and for these senders; what others set stays."""
    await connection.execute(
        """
        DELETE FROM suppression USING connector
        WHERE connector.id = $2 AND suppression.workspace_id = $1 AND suppression.channel = connector.channel
          AND suppression.address = $3 AND suppression.reason = $5
          AND (suppression.sender_id IS NULL OR suppression.sender_id = ANY ($4::uuid[]))
        """,
        workspace_id,
        connector_id,
        address,
        sender_ids,
        OPT_OUT,
    )


async def find_suppression(
    session: AsyncSession, workspace_id: UUID, suppression_id: UUID, *, lock: bool = False
) -> Suppression | None:
    """One of the workspace's; with `lock` nobody else changes it before the commit."""
    statement = select(Suppression).where(Suppression.id == suppression_id, Suppression.workspace_id == workspace_id)
    return (await session.exec(statement.with_for_update() if lock else statement)).one_or_none()


async def find_same(session: AsyncSession, wanted: Suppression) -> Suppression | None:
    """The one with the same channel, address and sender, locked until the commit."""
    statement = select(Suppression).where(
        Suppression.workspace_id == wanted.workspace_id,
        Suppression.channel == wanted.channel,
        Suppression.address == wanted.address,
        col(Suppression.sender_id).is_not_distinct_from(wanted.sender_id),
    )
    return (await session.exec(statement.with_for_update())).one_or_none()


async def page_suppressions(
    session: AsyncSession,
    workspace_id: UUID,
    request: PageRequest[UUID],
    *,
    address: str | None = None,
    sender_id: UUID | None = None,
    channel: Channel | None = None,
    reason: str | None = None,
) -> Page[Suppression, UUID]:
    """The workspace's suppressions, newest first."""
    statement = select(Suppression).where(Suppression.workspace_id == workspace_id)
    for column, wanted in (
        (Suppression.address, address),
        (Suppression.sender_id, sender_id),
        (Suppression.channel, channel),
        (Suppression.reason, reason),
    ):
        if wanted is not None:
            statement = statement.where(col(column) == wanted)
    return await newest_first(session, statement, col(Suppression.id), request, lambda row: row.id)
