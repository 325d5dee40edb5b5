"""The ledger: messages, earlier attempts, receipts, the outbox; suppressions and token buckets."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from heliograph.db.tables.base import INSTANT, WorkspaceRow, enum_type, now, within_workspace
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel, ErrorClass
from heliograph.telemetry.tracing import current_traceparent


class Message(SQLModel, table=True):
    """One per run × recipient × step; written before anything is sent. Holds its current attempt.

    No index names `state` or a time of the attempt: a change of state then stays in its page (a HOT update),
    which is what makes four updates a message affordable. Ranges are found by (run, wave, number), expired
    leases through `batch`.

    Only the primary key begins with `workspace_id`: while the table looks empty to the planner all indexes cost it the
    same, and one that shares the first column would be read from end to end for each row that is looked up by its key.
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("dedupe_key", "workspace_id"),
        within_workspace("run_id", "run"),
        within_workspace("connector_id", "connector"),
        within_workspace("sender_id", "sender"),
        Index("ix_message_range", "run_id", "wave", "number"),
        Index("ix_message_address", "address", "workspace_id"),
        Index("ix_message_created_at", "created_at", postgresql_using="brin"),
        Index(
            "ix_message_provider_message_id",
            "provider_message_id",
            postgresql_where=text("provider_message_id IS NOT NULL"),
        ),
        {"postgresql_with": {"fillfactor": "60"}},
    )

    workspace_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True, sa_column_kwargs={"server_default": text("uuidv7()")})
    dedupe_key: str  # campaign: "<run>:<number>"; direct: "direct:<key>:<index>"
    run_id: UUID | None = None
    wave: int | None = Field(default=None, sa_type=SmallInteger)
    number: int | None = Field(default=None, sa_type=BigInteger)  # the recipient: row of the audience
    channel: Channel = Field(sa_type=enum_type(Channel, "channel"))
    category: Category = Field(sa_type=enum_type(Category, "category"))
    type: str | None = None  # what the sender calls it ("medication_request"); None: by its category
    address: str
    state: MessageState = Field(sa_type=enum_type(MessageState, "message_state"))
    reason: str | None = None  # why excluded or rejected
    due_at: datetime = Field(sa_type=INSTANT)
    hold_reason: str | None = None  # why it waits
    # -- the current attempt
    attempt: int = Field(default=0, sa_type=SmallInteger)
    connector_id: UUID | None = None
    sender_id: UUID | None = None
    claimed_at: datetime | None = Field(default=None, sa_type=INSTANT)
    lease_until: datetime | None = Field(default=None, sa_type=INSTANT)
    provider_message_id: str | None = None
    provider_status: str | None = None  # the provider's own word
    error_class: ErrorClass | None = Field(default=None, sa_type=enum_type(ErrorClass, "error_class"))
    error_code: str | None = None
    error_message: str | None = None
    body: str | None = None  # what was sent; None until then
    parts: int | None = Field(default=None, sa_type=SmallInteger)
    accepted_at: datetime | None = Field(default=None, sa_type=INSTANT)
    final_at: datetime | None = Field(default=None, sa_type=INSTANT)
    status_changed_at: datetime = Field(sa_type=INSTANT)  # by the provider's clock where it says
    created_at: datetime = Field(sa_type=INSTANT)


class Attempt(SQLModel, table=True):
    """An earlier try of a message, moved here when a further one began."""

    __tablename__ = "attempt"
    __table_args__ = (
        within_workspace("message_id", "message"),
        Index(
            "ix_attempt_provider_message_id",
            "provider_message_id",
            postgresql_where=text("provider_message_id IS NOT NULL"),
        ),
    )

    workspace_id: UUID = Field(primary_key=True)
    message_id: UUID = Field(primary_key=True)
    attempt: int = Field(primary_key=True, sa_type=SmallInteger)
    connector_id: UUID | None = None
    sender_id: UUID | None = None
    claimed_at: datetime | None = Field(default=None, sa_type=INSTANT)
    outcome: MessageState = Field(sa_type=enum_type(MessageState, "message_state"))
    provider_message_id: str | None = None
    error_class: ErrorClass | None = Field(default=None, sa_type=enum_type(ErrorClass, "error_class"))
    error_code: str | None = None
    error_message: str | None = None


class Receipt(SQLModel, table=True):
    """A provider's delivery report, stored once. Without `message_id` it is parked until its message is known."""

    __tablename__ = "receipt"
    __table_args__ = (
        within_workspace("connector_id", "connector"),
        Index(
            "ix_receipt_parked",
            "provider_message_id",
            "connector_id",
            postgresql_where=text("message_id IS NULL"),
        ),
        Index("ix_receipt_message", "message_id", postgresql_where=text("message_id IS NOT NULL")),
    )

    connector_id: UUID = Field(primary_key=True)
    reference: str = Field(primary_key=True)  # ours ("<message id>.<attempt>") where named, else the provider's
    part: int = Field(primary_key=True, default=0, sa_type=SmallInteger)
    status: str = Field(primary_key=True)  # the provider's own word
    code: str = Field(primary_key=True, default="")
    workspace_id: UUID
    message_id: UUID | None = None
    attempt: int | None = Field(default=None, sa_type=SmallInteger)
    provider_message_id: str | None = None
    state: MessageState = Field(sa_type=enum_type(MessageState, "message_state"))
    error_class: ErrorClass | None = Field(default=None, sa_type=enum_type(ErrorClass, "error_class"))
    error_message: str | None = None
    occurred_at: datetime | None = Field(default=None, sa_type=INSTANT)  # by the provider's clock
    received_at: datetime = Field(default_factory=now, sa_type=INSTANT)
    conflict: bool = False  # told a different final word than the one that stands


class Outbox(SQLModel, table=True):
    """What must follow a commit, written in it; dispatched at least once, then deleted."""

    __tablename__ = "outbox"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger, sa_column_args=(Identity(),))
    workspace_id: UUID
    topic: str  # "campaign.start", "campaign.signal"
    key: str  # what it is about; rows of one key are dispatched in order
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
    created_at: datetime = Field(default_factory=now, sa_type=INSTANT)
    available_at: datetime = Field(default_factory=now, sa_type=INSTANT)
    tries: int = 0
    last_error: str | None = None
    traceparent: str | None = Field(default_factory=current_traceparent)  # W3C: the dispatcher continues this trace


class Suppression(WorkspaceRow, table=True):
    """An address that must not be sent to, workspace-wide or from one sender."""

    __tablename__ = "suppression"
    __table_args__ = (
        within_workspace("sender_id", "sender"),
        Index(
            "uq_suppression",
            "workspace_id",
            "channel",
            "address",
            "sender_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_suppression_page", "workspace_id", "id"),
    )

    channel: Channel = Field(sa_type=enum_type(Channel, "channel"))
    address: str
    sender_id: UUID | None = None  # None: workspace-wide
    reason: str  # "opt_out", "manual"
    source: str = ""  # "provider 21610", "inbound <id of the message>", who asked for it


class PacingBucket(SQLModel, table=True):
    """A token bucket shared by all processes (GCRA: the theoretical arrival time of the next token)."""

    __tablename__ = "pacing_bucket"

    key: str = Field(primary_key=True)  # "campaign/<run>", "sender/<id>", "connector/<id>"
    arrival: datetime = Field(sa_type=INSTANT)
    blocked_until: datetime | None = Field(default=None, sa_type=INSTANT)  # a provider said: come back then
