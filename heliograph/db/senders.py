"""Senders in SQL. One default per channel and category: the switch runs under a lock on the workspace's row."""

from uuid import UUID

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.pages import Page, PageRequest, newest_first
from heliograph.db.tables import Sender, Workspace
from heliograph.domain.vocabulary import Category, Channel


async def lock_senders(session: AsyncSession, workspace_id: UUID) -> None:
    """Lets one change of a workspace's senders through at a time, until the commit.

    FOR NO KEY UPDATE: rows that point at the workspace are still inserted meanwhile.
    """
    statement = select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True)
    await session.exec(statement)


async def find_sender(session: AsyncSession, workspace_id: UUID, sender_id: UUID) -> Sender | None:
    """The sender, unless it is deleted or of another workspace."""
    statement = select(Sender).where(
        Sender.id == sender_id, Sender.workspace_id == workspace_id, col(Sender.deleted_at).is_(None)
    )
    return (await session.exec(statement)).one_or_none()


async def find_default_sender(
    session: AsyncSession, workspace_id: UUID, channel: Channel, category: Category
) -> Sender | None:
    """What sends when nothing else is named."""
    statement = select(Sender).where(
        Sender.workspace_id == workspace_id,
        Sender.channel == channel,
        Sender.category == category,
        col(Sender.is_default),
        col(Sender.deleted_at).is_(None),
    )
    return (await session.exec(statement)).one_or_none()


async def same_sender_exists(session: AsyncSession, sender: Sender) -> bool:
    """Whether another one with the same connector, category, kind and address is in use."""
    statement = select(Sender.id).where(
        Sender.workspace_id == sender.workspace_id,
        Sender.connector_id == sender.connector_id,
        Sender.category == sender.category,
        Sender.kind == sender.kind,
        Sender.address == sender.address,
        Sender.id != sender.id,
        col(Sender.deleted_at).is_(None),
    )
    return (await session.exec(statement.limit(1))).first() is not None


async def senders_of_connector(session: AsyncSession, workspace_id: UUID, connector_id: UUID) -> list[Sender]:
    """Every sender in use of one connector, oldest first."""
    statement = (
        select(Sender)
        .where(
            Sender.workspace_id == workspace_id,
            Sender.connector_id == connector_id,
            col(Sender.deleted_at).is_(None),
        )
        .order_by(col(Sender.id))
    )
    return list((await session.exec(statement)).all())


async def other_sender_exists(session: AsyncSession, sender: Sender, *, besides_connector: UUID) -> bool:
    """Whether another connector has a sender for the same channel and category."""
    statement = select(Sender.id).where(
        Sender.workspace_id == sender.workspace_id,
        Sender.channel == sender.channel,
        Sender.category == sender.category,
        Sender.connector_id != besides_connector,
        col(Sender.deleted_at).is_(None),
    )
    return (await session.exec(statement.limit(1))).first() is not None


async def switch_default(session: AsyncSession, sender: Sender) -> None:
    """Makes this the default of its channel and category, and the present one no more. Under `lock_senders`."""
    await session.exec(
        update(Sender)
        .where(
            col(Sender.workspace_id) == sender.workspace_id,
            col(Sender.channel) == sender.channel,
            col(Sender.category) == sender.category,
            col(Sender.is_default),
            col(Sender.id) != sender.id,
        )
        .values(is_default=False)
        .execution_options(synchronize_session="fetch")
    )
    sender.is_default = True
    session.add(sender)
    await session.flush()


async def page_senders(
    session: AsyncSession,
    workspace_id: UUID,
    request: PageRequest[UUID],
    *,
    connector_id: UUID | None = None,
    channel: Channel | None = None,
    category: Category | None = None,
) -> Page[Sender, UUID]:
    """Senders in use, newest first."""
    statement = select(Sender).where(Sender.workspace_id == workspace_id, col(Sender.deleted_at).is_(None))
    if connector_id is not None:
        statement = statement.where(Sender.connector_id == connector_id)
    if channel is not None:
        statement = statement.where(Sender.channel == channel)
    if category is not None:
        statement = statement.where(Sender.category == category)
    return await newest_first(session, statement, col(Sender.id), request, lambda sender: sender.id)
