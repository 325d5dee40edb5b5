"""Messages from people."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field

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
