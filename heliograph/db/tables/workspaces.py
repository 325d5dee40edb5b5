"""Workspaces, their API keys, the audit trail and idempotency keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from heliograph.db.tables.base import INSTANT, Row, WorkspaceRow, enum_type, now, unique_in_workspace
from heliograph.domain.vocabulary import Role, WorkspaceMode


class Workspace(Row, table=True):
    """A tenant, live or test."""

    __tablename__ = "workspace"

    name: str
    mode: WorkspaceMode = Field(sa_type=enum_type(WorkspaceMode, "workspace_mode"))
    default_region: str | None = None  # ISO 3166-1 alpha-2, for numbers without a country code
    time_zone: str = "UTC"  # IANA


class ApiKey(WorkspaceRow, table=True):
    """A bearer key. Only its SHA-256 is stored: the key itself is 256 random bits, so a slow hash adds nothing."""

    __tablename__ = "api_key"
    __table_args__ = (unique_in_workspace(),)

    name: str
    role: Role = Field(sa_type=enum_type(Role, "role"))
    prefix: str  # the first characters, shown so that a person can tell keys apart
    digest: bytes = Field(unique=True)
    revoked_at: datetime | None = Field(default=None, sa_type=INSTANT)
    last_used_at: datetime | None = Field(default=None, sa_type=INSTANT)


class AuditEntry(WorkspaceRow, table=True):
    """Who changed what, when. Written in the commit of the change; never holds personal data or secrets."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_page", "workspace_id", "id"),)

    api_key_id: UUID | None = None
    actor: str
    action: str  # "sender.create"
    noun: str  # "sender"
    noun_id: str
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)


class IdempotencyKey(SQLModel, table=True):
    """Written in the commit of a POST's change, so that a repeated call gets its answer and changes nothing."""

    __tablename__ = "idempotency_key"

    workspace_id: UUID = Field(primary_key=True, foreign_key="workspace.id")
    key: str = Field(primary_key=True)
    request_digest: bytes  # SHA-256 of method, path and body: the same key with another request is refused
    status: int
    noun_id: UUID  # what was made or changed: the answer can be rebuilt from it
    secret: bytes | None = None  # what the answer shows once and cannot be read again, sealed
    body: bytes | None = None  # the answer as it was given, sealed; None if the process died before it was stored
    created_at: datetime = Field(default_factory=now, sa_type=INSTANT)
