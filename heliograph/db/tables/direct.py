"""Messages outside runs: what is still to be done with each."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from heliograph.db.tables.base import INSTANT, enum_type, within_workspace
from heliograph.domain.vocabulary import Category, DirectStep


class DirectMessage(SQLModel, table=True):
    """One per message without a run, from its queueing until its final word; few enough to be looked through.

    The message itself stands in `message`, as every other. This row says what is to be done with it next, and when.
    """

    __tablename__ = "direct_message"
    __table_args__ = (
        within_workspace("message_id", "message"),
        within_workspace("connector_id", "connector"),
        within_workspace("sender_id", "sender"),
        Index("ix_direct_message_send", "category", "due_at", postgresql_where=text("step = 'send'")),
        Index("ix_direct_message_settle", "due_at", postgresql_where=text("step = 'settle'")),
        Index("ix_direct_message_decide", "due_at", postgresql_where=text("step = 'decide'")),
        Index("ix_direct_message_await", "connector_id", "due_at", postgresql_where=text("step = 'await'")),
    )

    workspace_id: UUID = Field(primary_key=True)
    message_id: UUID = Field(primary_key=True)
    category: Category = Field(sa_type=enum_type(Category, "category"))
    connector_id: UUID  # through which it goes next; `message` tells the present try's
    sender_id: UUID
    routed: bool = False  # no sender was chosen: routes decide, also when a connector fails
    step: DirectStep = Field(default=DirectStep.SEND, sa_type=enum_type(DirectStep, "direct_step"))
    due_at: datetime = Field(sa_type=INSTANT)  # send: not before; settle: the end of the lease; else the next look
    expires_at: datetime = Field(sa_type=INSTANT)  # later than this it is not sent
    polls: int = Field(default=0, sa_type=SmallInteger)  # how often its provider was asked about it
    content: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)  # what an e-mail has besides its text
