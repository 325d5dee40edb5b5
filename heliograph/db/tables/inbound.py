"""Messages from people, and what a workspace makes of their words."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from heliograph.db.tables.base import INSTANT, WorkspaceRow, enum_type, now, unique_in_workspace, within_workspace
from heliograph.domain.vocabulary import Channel


class InboundMessageRow(WorkspaceRow, table=True):
    """A message from a person to one of our senders, stored once."""

    __tablename__ = "inbound_message"
    __table_args__ = (
        unique_in_workspace(),
        within_workspace("connector_id", "connector"),
        Index(
            "uq_inbound_message",
            "connector_id",
            "provider_message_id",
            unique=True,
            postgresql_where=text("provider_message_id <> ''"),
        ),
        Index("ix_inbound_message_page", "workspace_id", "id"),
        Index("ix_inbound_message_address", "workspace_id", "address", "id"),
        Index("ix_inbound_message_sender", "workspace_id", "sender_id", "id"),
    )

    connector_id: UUID
    provider_message_id: str = ""
    channel: Channel = Field(sa_type=enum_type(Channel, "channel"))
    address: str  # who wrote
    sender_id: UUID | None = None  # the sender of ours that it was written to, where we know it
    sent_to: str  # the same, as the provider writes it
    body: str
    keyword: str | None = None  # "stop", "start", "help": by the provider's word or by ours
    received_at: datetime = Field(default_factory=now, sa_type=INSTANT)
    occurred_at: datetime | None = Field(default=None, sa_type=INSTANT)  # by the provider's clock


class OptOutSettings(SQLModel, table=True):
    """A workspace's own words and rules (`domain.opt_out.OptOutRules`); without a row it has the defaults."""

    __tablename__ = "opt_out_settings"

    workspace_id: UUID = Field(primary_key=True, foreign_key="workspace.id")
    document: dict[str, Any] = Field(sa_type=JSONB)
    updated_at: datetime = Field(default_factory=now, sa_type=INSTANT)
