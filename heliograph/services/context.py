"""What every service needs: who asks, and the doors to database, Temporal, secrets and providers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.client import Client

from heliograph.db.engine import Database
from heliograph.db.tables import AuditEntry, IdempotencyKey
from heliograph.domain.vocabulary import Role
from heliograph.errors import Forbidden
from heliograph.secrets import KeyRing
from heliograph.services.connections import Connections
from heliograph.services.inbox import ConnectorInbox
from heliograph.settings import Settings

PERMISSIONS: dict[str, frozenset[Role]] = {
    "workspace.manage": frozenset({Role.OWNER}),
    "keys.manage": frozenset({Role.OWNER, Role.ADMIN}),
    "settings.manage": frozenset({Role.OWNER, Role.ADMIN}),  # connectors and senders
    "campaigns.manage": frozenset({Role.OWNER, Role.ADMIN, Role.APPROVER, Role.MARKETER}),  # audiences, templates
    "messages.send": frozenset({Role.OWNER, Role.ADMIN, Role.DEVELOPER}),
    "reports.export": frozenset({Role.OWNER, Role.ADMIN, Role.APPROVER, Role.MARKETER, Role.DEVELOPER}),
    "audit.read": frozenset({Role.OWNER, Role.ADMIN, Role.APPROVER}),
    "payloads.decode": frozenset({Role.OWNER, Role.ADMIN, Role.DEVELOPER}),  # in the Temporal UI
    "read": frozenset(Role),
}
"""What each role may do. A service names the permission; nothing else decides."""


@dataclass(frozen=True)
class IdempotentRequest:
    """The `Idempotency-Key` of a request and what it stands for (docs/adr/0003)."""

    key: str
    digest: Callable[[], bytes]  # SHA-256 of method, path and body; asked for once the body has arrived
    status: int  # of the answer, when the change is made


@dataclass(frozen=True)
class Actor:
    """Who asks, in which workspace. With `idempotency`, the first change they make is made once only."""

    workspace_id: UUID
    role: Role
    name: str
    api_key_id: UUID | None = None
    idempotency: IdempotentRequest | None = field(default=None, repr=False, compare=False)

    def may(self, permission: str) -> bool:
        """Whether the role has the permission."""
        return self.role in PERMISSIONS[permission]

    def require(self, permission: str) -> None:
        """Raises `Forbidden` unless the role has the permission."""
        if not self.may(permission):
            raise Forbidden(f"the role {self.role.value} may not do this: it takes {permission}", code="role")


@dataclass(frozen=True)
class Services:
    """The doors, opened once per process and handed to every service function."""

    settings: Settings
    database: Database
    key_ring: KeyRing
    temporal: Client

    @cached_property
    def connections(self) -> Connections:
        """Open connectors, shared by everything in this process."""
        return Connections(self.database, self.key_ring, self.settings, partial(ConnectorInbox, self.database))

    async def aclose(self) -> None:
        """Closes what was opened here; database and Temporal belong to whoever opened them."""
        if "connections" in self.__dict__:
            await self.connections.aclose()


def audit(
    session: AsyncSession,
    actor: Actor,
    action: str,
    noun_id: UUID,
    detail: dict[str, Any] | None = None,
    *,
    sealed_secret: bytes | None = None,
) -> None:
    """Adds the audit row of a change to its unit of work. `action` is "<noun>.<verb>".

    The first call in a unit of work names the noun that the request is about: with it goes the actor's
    idempotency key, so that key and change are committed together. `sealed_secret` is what the answer shows
    once and cannot be read again (the text of an API key).
    """
    if actor.idempotency is not None and not session.info.get("idempotent"):
        session.info["idempotent"] = True
        session.add(
            IdempotencyKey(
                workspace_id=actor.workspace_id,
                key=actor.idempotency.key,
                request_digest=actor.idempotency.digest(),
                status=actor.idempotency.status,
                noun_id=noun_id,
                secret=sealed_secret,
            )
        )
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
