"""Callbacks to our users: where they go, what requests asked for, and the queue of what is still to be told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlmodel import Field, SQLModel

from heliograph.db.tables.base import INSTANT, WorkspaceRow, enum_type, now, unique_in_workspace, within_workspace
from heliograph.domain.webhooks import WebhookKind, WebhookStrategy


class Webhook(WorkspaceRow, table=True):
    """An endpoint of the workspace, or a host that requests name (`by_request`: then `kinds` is empty, and each
    callback brings its own address). Never deleted while the ledger feeds it: `deleted_at` ends it.
    """

    __tablename__ = "webhook"
    __table_args__ = (
        unique_in_workspace(),
        Index(
            "uq_webhook_by_request",
            "workspace_id",
            "url",
            unique=True,
            postgresql_where=text("by_request AND deleted_at IS NULL"),
        ),
    )

    url: str  # by request: scheme, host and port
    description: str = ""
    kinds: list[str] = Field(default_factory=list, sa_type=ARRAY(TEXT))  # `WebhookKind`
    strategy: WebhookStrategy = Field(sa_type=enum_type(WebhookStrategy, "webhook_strategy"))
    by_request: bool = False
    sealed_secret: bytes
    earlier_secret: bytes | None = None  # signs too until `earlier_until`, so that a receiver can change over
    earlier_until: datetime | None = Field(default=None, sa_type=INSTANT)
    updated_at: datetime = Field(default_factory=now, sa_type=INSTANT)
    deleted_at: datetime | None = Field(default=None, sa_type=INSTANT)
    # -- how delivery fares; written by the pump
    pump: UUID | None = None  # who delivers at present
    pump_until: datetime | None = Field(default=None, sa_type=INSTANT)
    failures: int = 0  # in a row
    failing_since: datetime | None = Field(default=None, sa_type=INSTANT)
    blocked_until: datetime | None = Field(default=None, sa_type=INSTANT)  # it is not tried before
    last_error: str | None = None
    delivered: int = Field(default=0, sa_type=BigInteger)
    last_delivered_at: datetime | None = Field(default=None, sa_type=INSTANT)


class RunCallback(SQLModel, table=True):
    """What is told of a run: asked for by its campaign, or, of the campaign as a whole, by the workspace's webhooks."""

    __tablename__ = "run_callback"
    __table_args__ = (
        within_workspace("run_id", "run"),
        within_workspace("webhook_id", "webhook"),
        Index("ix_run_callback_watched", "run_id", postgresql_where=text("kind = 'campaign' AND NOT done")),
    )

    run_id: UUID = Field(primary_key=True)
    webhook_id: UUID = Field(primary_key=True)
    kind: WebhookKind = Field(primary_key=True, sa_type=enum_type(WebhookKind, "webhook_kind"))
    workspace_id: UUID
    url: str | None = None  # None: the webhook's own
    strategy: WebhookStrategy = Field(sa_type=enum_type(WebhookStrategy, "webhook_strategy"))
    told: dict[str, int] | None = Field(default=None, sa_type=JSONB(none_as_null=True))  # the counts told last
    done: bool = False  # nothing more will be told


class MessageCallback(SQLModel, table=True):
    """What a request asked for with a single message."""

    __tablename__ = "message_callback"
    __table_args__ = (within_workspace("message_id", "message"), within_workspace("webhook_id", "webhook"))

    workspace_id: UUID = Field(primary_key=True)
    message_id: UUID = Field(primary_key=True)
    webhook_id: UUID
    url: str
    strategy: WebhookStrategy = Field(sa_type=enum_type(WebhookStrategy, "webhook_strategy"))


class WebhookDelivery(SQLModel, table=True):
    """One callback that is still to be told, or that was given up. Deleted when the receiver took it.

    Of a message it holds what changed, as it was then; who and what the message is stands in the ledger.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        within_workspace("webhook_id", "webhook"),
        Index("ix_webhook_delivery_queue", "webhook_id", "position", postgresql_where=text("dead_at IS NULL")),
        Index(
            "ix_webhook_delivery_postponed",
            "webhook_id",
            "subject",
            postgresql_where=text("dead_at IS NULL AND tries > 0"),
        ),
        Index("ix_webhook_delivery_dead", "webhook_id", "id", postgresql_where=text("dead_at IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True, sa_column_kwargs={"server_default": text("uuidv7()")})  # the event's id
    position: int | None = Field(default=None, nullable=False, sa_type=BigInteger, sa_column_args=(Identity(),))
    workspace_id: UUID
    webhook_id: UUID
    kind: WebhookKind = Field(sa_type=enum_type(WebhookKind, "webhook_kind"))
    subject: UUID  # the message or the run: told in the order of `position`
    url: str | None = None  # None: the webhook's own
    strategy: WebhookStrategy = Field(sa_type=enum_type(WebhookStrategy, "webhook_strategy"))
    content: dict[str, Any] = Field(sa_type=JSONB)
    created_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": text("now()")})
    available_at: datetime = Field(sa_type=INSTANT, sa_column_kwargs={"server_default": text("now()")})
    tries: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    failing_since: datetime | None = Field(default=None, sa_type=INSTANT)
    last_error: str | None = None
    dead_at: datetime | None = Field(default=None, sa_type=INSTANT)
