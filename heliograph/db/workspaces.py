"""Workspaces, API keys and the audit trail in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.engine import Connection
from heliograph.db.pages import Page, PageRequest, newest_first
from heliograph.db.tables import ApiKey, AuditEntry, Workspace
from heliograph.domain.vocabulary import Role

USE_NOTED_EVERY = timedelta(minutes=1)

_BOOTSTRAP_LOCK = 0x48454C4B  # "HELK": of two processes that start together, one makes the first workspace


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What a valid API key stands for."""

    id: UUID
    workspace_id: UUID
    name: str
    role: Role
    use_to_note: bool  # its last use is noted at most once a minute, not with every request


async def find_valid_key(connection: Connection, digest: bytes) -> KnownKey | None:
    """The key with this SHA-256, unless it is unknown or revoked. One read of the unique index."""
    row = await connection.fetchrow(
        """
        SELECT id, workspace_id, name, role::text AS role,
               last_used_at IS NULL OR last_used_at < now() - $2::interval AS use_to_note
        FROM api_key WHERE digest = $1 AND revoked_at IS NULL
        """,
        digest,
        USE_NOTED_EVERY,
    )
    if row is None:
        return None
    return KnownKey(row["id"], row["workspace_id"], row["name"], Role(row["role"]), row["use_to_note"])


async def note_key_use(connection: Connection, api_key_id: UUID) -> None:
    """Sets `last_used_at`."""
    await connection.execute("UPDATE api_key SET last_used_at = now() WHERE id = $1", api_key_id)


async def lock_bootstrap(session: AsyncSession) -> None:
    """Held until the commit."""
    connection = await session.connection()
    await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_BOOTSTRAP_LOCK})")


async def any_workspace(session: AsyncSession) -> bool:
    """Whether there is one already."""
    return (await session.exec(select(Workspace.id).limit(1))).first() is not None


async def list_workspaces(session: AsyncSession) -> Sequence[Workspace]:
    """All workspaces, oldest first."""
    return (await session.exec(select(Workspace).order_by(col(Workspace.id)))).all()


async def find_workspace(session: AsyncSession, workspace_id: UUID, *, lock: bool = False) -> Workspace | None:
    """One workspace; `lock` holds it until the commit."""
    statement = select(Workspace).where(Workspace.id == workspace_id)
    return (await session.exec(statement.with_for_update() if lock else statement)).one_or_none()


async def page_api_keys(session: AsyncSession, workspace_id: UUID, request: PageRequest[UUID]) -> Page[ApiKey, UUID]:
    """Keys, revoked ones included, newest first."""
    statement = select(ApiKey).where(ApiKey.workspace_id == workspace_id)
    return await newest_first(session, statement, col(ApiKey.id), request, lambda key: key.id)


async def find_api_key(
    session: AsyncSession, workspace_id: UUID, api_key_id: UUID, *, lock: bool = False
) -> ApiKey | None:
    """One key of the workspace; `lock` holds it until the commit."""
    statement = select(ApiKey).where(ApiKey.id == api_key_id, ApiKey.workspace_id == workspace_id)
    return (await session.exec(statement.with_for_update() if lock else statement)).one_or_none()


async def lock_owner_keys(session: AsyncSession, workspace_id: UUID) -> Sequence[ApiKey]:
    """The workspace's owner keys in use, locked in the order of their ids."""
    statement = (
        select(ApiKey)
        .where(ApiKey.workspace_id == workspace_id, ApiKey.role == Role.OWNER, col(ApiKey.revoked_at).is_(None))
        .order_by(col(ApiKey.id))
        .with_for_update()
    )
    return (await session.exec(statement)).all()


async def page_audit_entries(
    session: AsyncSession, workspace_id: UUID, request: PageRequest[UUID], *, noun: str | None, noun_id: str | None
) -> Page[AuditEntry, UUID]:
    """The audit trail, newest first, of everything or of one kind of noun or one noun."""
    statement = select(AuditEntry).where(AuditEntry.workspace_id == workspace_id)
    if noun is not None:
        statement = statement.where(AuditEntry.noun == noun)
    if noun_id is not None:
        statement = statement.where(AuditEntry.noun_id == noun_id)
    return await newest_first(session, statement, col(AuditEntry.id), request, lambda entry: entry.id)
