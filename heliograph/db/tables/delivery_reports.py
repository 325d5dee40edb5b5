"""Delivery reports that a message broker is still to be told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, SmallInteger
from sqlmodel import Field, SQLModel

from heliograph.db.tables.base import INSTANT, within_workspace


class DeliveryReport(SQLModel, table=True):
    """One per message whose end the broker is to be told, written in the commit that queues the message.

    What is told is the state that the message has by then, whoever brought it there: no final word can be committed
    without its report, since the report was there before. The row goes when the broker has confirmed it.
    """

    __tablename__ = "delivery_report"
    __table_args__ = (within_workspace("message_id", "message"), Index("ix_delivery_report_due", "due_at"))

    workspace_id: UUID = Field(primary_key=True)
    message_id: UUID = Field(primary_key=True)
    channel_type: str  # goes into the header `type`
    due_at: datetime = Field(sa_type=INSTANT)  # when to look whether there is something to tell
    created_at: datetime = Field(sa_type=INSTANT)
    tries: int = Field(default=0, sa_type=SmallInteger)  # of telling the broker
