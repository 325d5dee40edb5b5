"""What every service needs: who asks, and the doors to database, Temporal, secrets and providers."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.client import Client

from heliograph.db.engine import Database
from heliograph.db.tables import AuditEntry
from heliograph.domain.vocabulary import Role
from heliograph.errors import Forbidden
from heliograph.secrets import KeyRing
from heliograph.settings import Settings

PERMISSIONS: dict[str, frozenset[Role]] = {
    "workspace.manage": frozenset({Role.OWNER}),
    "keys.manage": frozenset({Role.OWNER, Role.ADMIN}),
    "settings.manage": frozenset({Role.OWNER, Role.ADMIN}),  # connectors and senders
    "campaigns.manage": frozenset({Role.OWNER, Role.ADMIN, Role.APPROVER, Role.MARKETER}),  # audiences, templates
    "messages.send": frozenset({Role.OWNER, Role.ADMIN, Role.DEVELOPER}),
    "audit.read": frozenset({Role.OWNER, Role.ADMIN, Role.APPROVER}),
    "read": frozenset(Role),
}
"""What each role may do. A service names the permission; nothing else decides."""


@dataclass(frozen=True)
class Actor:
    """Who asks, in which workspace."""

    workspace_id: UUID
    role: Role
    name: str
    api_key_id: UUID | None = None

    def require(self, permission: str) -> None:
        """Raises `Forbidden` unless the role has the permission."""
        if self.role not in PERMISSIONS[permission]:
            raise Forbidden(f"the role {self.role.value} may not do this: it takes {permission}", code="role")


@dataclass(frozen=True)
class Services:
    """The doors, opened once per process and handed to every service function."""

    settings: Settings
    database: Database
    key_ring: KeyRing
    temporal: Client


def audit(
    session: AsyncSession, actor: Actor, action: str, noun_id: UUID, detail: dict[str, Any] | None = None
) -> None:
    """Adds the audit row of a change to its unit of work. `action` is "<noun>.<verb>"."""
    session.add(
        AuditEntry(
            workspace_id=actor.workspace_id,
            api_key_id=actor.api_key_id,
            actor=actor.name,
            action=action,
            noun=action.partition(".")[0],
            noun_id=str(noun_id),
            detail=detail or {},
        )
    )
