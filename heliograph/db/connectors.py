"""Connectors in SQL."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.engine import Pool
from heliograph.db.tables import Connector


async def find_connector(
    session: AsyncSession, connector_id: UUID, *, workspace_id: UUID | None = None, lock: bool = False
) -> Connector | None:
    """The connector, unless it is deleted or of another workspace; `lock` holds it until the commit."""
    statement = select(Connector).where(Connector.id == connector_id, col(Connector.deleted_at).is_(None))
    if workspace_id is not None:
        statement = statement.where(Connector.workspace_id == workspace_id)
    if lock:
        statement = statement.with_for_update()
    return (await session.exec(statement)).one_or_none()


async def list_connectors(session: AsyncSession, workspace_id: UUID) -> Sequence[Connector]:
    """Every connector of a workspace, oldest first; there are a handful."""
    statement = (
        select(Connector)
        .where(Connector.workspace_id == workspace_id, col(Connector.deleted_at).is_(None))
        .order_by(col(Connector.id))
    )
    return (await session.exec(statement)).all()


async def any_authenticated(session: AsyncSession, workspace_id: UUID) -> bool:
    """Whether the workspace has a connector with credentials, deleted ones included."""
    statement = select(Connector.id).where(
        Connector.workspace_id == workspace_id, col(Connector.credentials_changed_at).is_not(None)
    )
    return (await session.exec(statement.limit(1))).first() is not None


async def find_connector_by_token(session: AsyncSession, token: str) -> Connector | None:
    """The connector of a callback address. A deleted one too: receipts of what it sent still count."""
    return (await session.exec(select(Connector).where(Connector.callback_token == token))).one_or_none()


async def read_connector_version(pool: Pool, connector_id: UUID) -> tuple[datetime | None, dict[str, Any]] | None:
    """When its credentials changed, and its configuration; None when it is deleted. Asked for each chunk."""
    row = await pool.fetchrow(
        "SELECT credentials_changed_at, configuration FROM connector WHERE id = $1 AND deleted_at IS NULL", connector_id
    )
    return (row["credentials_changed_at"], row["configuration"]) if row else None


@dataclass(frozen=True, slots=True)
class Listening:
    """A connector over whose open connection things come."""

    workspace_id: UUID
    connector_id: UUID
    provider: str


async def connectors_to_listen_to(pool: Pool, providers: Collection[str]) -> list[Listening]:
    """Every connector of these providers that has credentials."""
    rows = await pool.fetch(
        """
        SELECT workspace_id, id AS connector_id, provider FROM connector
        WHERE provider = ANY ($1) AND deleted_at IS NULL AND sealed_credentials IS NOT NULL ORDER BY id
        """,
        list(providers),
    )
    return [Listening(**row) for row in rows]
