"""Parts of messages, for providers that name or bring each part apart (SMPP)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, SmallInteger
from sqlmodel import Field, SQLModel

from heliograph.db.tables.base import INSTANT, now, within_workspace


class PartName(SQLModel, table=True):
    """The provider's name of one part of an attempt of several parts; receipts name the part and nothing else."""

    __tablename__ = "part_name"
    __table_args__ = (
        within_workspace("message_id", "message"),
        within_workspace("connector_id", "connector"),
        Index("ix_part_name_provider_message_id", "provider_message_id", "connector_id"),
    )

    workspace_id: UUID = Field(primary_key=True)
    message_id: UUID = Field(primary_key=True)
    attempt: int = Field(primary_key=True, sa_type=SmallInteger)
    part: int = Field(primary_key=True, sa_type=SmallInteger)  # from 1
    connector_id: UUID
    provider_message_id: str


class InboundPartRow(SQLModel, table=True):
    """A part of a message from a person, until the others are there; an hour at most."""

    __tablename__ = "inbound_part"
    __table_args__ = (
        within_workspace("connector_id", "connector"),
        Index("ix_inbound_part_age", "connector_id", "received_at"),
    )

    connector_id: UUID = Field(primary_key=True)
    address: str = Field(primary_key=True)  # who wrote
    sent_to: str = Field(primary_key=True)
    reference: int = Field(primary_key=True)
    total: int = Field(primary_key=True, sa_type=SmallInteger)
    number: int = Field(primary_key=True, sa_type=SmallInteger)  # from 1
    workspace_id: UUID
    octets: bytes = Field(sa_type=LargeBinary)
    received_at: datetime = Field(default_factory=now, sa_type=INSTANT)
