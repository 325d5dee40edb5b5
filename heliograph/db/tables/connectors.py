"""Connectors (an account at a provider) and senders (what a message comes from)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from heliograph.db.tables.base import (
    INSTANT,
    WorkspaceRow,
    enum_type,
    now,
    unique_in_workspace,
    within_workspace,
)
from heliograph.domain.vocabulary import Category, Channel


class Connector(WorkspaceRow, table=True):
    """An account at a provider. A new workspace has Twilio, not yet authenticated."""

    __tablename__ = "connector"
    __table_args__ = (unique_in_workspace(),)

    provider: str  # the provider's key in the registry: "twilio"
    name: str
    channel: Channel = Field(sa_type=enum_type(Channel, "channel"))
    configuration: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)  # nothing secret
    sealed_credentials: bytes | None = None  # AES-GCM under the key ring; None: not authenticated yet
    credentials_changed_at: datetime | None = Field(default=None, sa_type=INSTANT)
    callback_token: str = Field(unique=True)  # the unguessable part of its callback addresses
    messages_per_second: float | None = None
    updated_at: datetime = Field(default_factory=now, sa_type=INSTANT)
    deleted_at: datetime | None = Field(default=None, sa_type=INSTANT)


class ConnectorWatch(SQLModel, table=True):
    """What the watchdog knows of a connector whose provider reports deliveries by itself; written every few seconds."""

    __tablename__ = "connector_watch"
    __table_args__ = (within_workspace("connector_id", "connector"),)

    connector_id: UUID = Field(primary_key=True)
    workspace_id: UUID
    heard_at: datetime | None = Field(default=None, sa_type=INSTANT)  # the last receipt that it brought by itself
    refused_at: datetime | None = Field(default=None, sa_type=INSTANT)  # the last callback whose signature was wrong
    waiting_since: datetime | None = Field(default=None, sa_type=INSTANT)  # an acceptance later than `heard_at`


class Sender(WorkspaceRow, table=True):
    """What a message comes from. Exactly one default per channel and category."""

    __tablename__ = "sender"
    __table_args__ = (
        unique_in_workspace(),
        within_workspace("connector_id", "connector"),
        Index(
            "uq_sender_default",
            "workspace_id",
            "channel",
            "category",
            unique=True,
            postgresql_where=text("is_default AND deleted_at IS NULL"),
        ),
    )

    connector_id: UUID
    kind: str  # long_code, short_code, alphanumeric, messaging_service; the provider lists its kinds
    address: str
    name: str = ""
    channel: Channel = Field(sa_type=enum_type(Channel, "channel"))
    category: Category = Field(sa_type=enum_type(Category, "category"))
    is_default: bool = False
    messages_per_second: float | None = None
    updated_at: datetime = Field(default_factory=now, sa_type=INSTANT)
    deleted_at: datetime | None = Field(default=None, sa_type=INSTANT)
