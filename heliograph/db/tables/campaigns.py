"""Campaigns, their versions, and runs with waves, batches and counters."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, SmallInteger, UniqueConstraint, text
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
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import CampaignStatus, Category, Channel, DeliveryType, RunStatus

OPEN_RUN = text("status IN ('SCHEDULED', 'ACTIVE', 'PAUSED', 'STOPPING')")


class Campaign(WorkspaceRow, table=True):
    """What a marketer plans. Its settings stand in its current version."""

    __tablename__ = "campaign"
    __table_args__ = (unique_in_workspace(), Index("ix_campaign_page", "workspace_id", "id"))

    name: str
    status: CampaignStatus = Field(sa_type=enum_type(CampaignStatus, "campaign_status"))
    delivery_type: DeliveryType = Field(sa_type=enum_type(DeliveryType, "delivery_type"))
    channel: Channel = Field(sa_type=enum_type(Channel, "channel"))
    category: Category = Field(sa_type=enum_type(Category, "category"))
    current_version: int = 1
    updated_at: datetime = Field(default_factory=now, sa_type=INSTANT)


class CampaignVersion(WorkspaceRow, table=True):
    """The settings as saved at one moment; never changed. `document` follows `schema_version`."""

    __tablename__ = "campaign_version"
    __table_args__ = (
        unique_in_workspace(),
        within_workspace("campaign_id", "campaign"),
        UniqueConstraint("campaign_id", "number"),
    )

    campaign_id: UUID
    number: int
    schema_version: int
    document: dict[str, Any] = Field(sa_type=JSONB)


class Run(WorkspaceRow, table=True):
    """One launch or occurrence, with everything it pinned and, after the close, its frozen totals."""

    __tablename__ = "run"
    __table_args__ = (
        unique_in_workspace(),
        within_workspace("campaign_id", "campaign"),
        within_workspace("campaign_version_id", "campaign_version"),
        within_workspace("template_version_id", "template_version"),
        within_workspace("audience_id", "audience"),
        within_workspace("sender_id", "sender"),
        within_workspace("connector_id", "connector"),
        Index("uq_run_open", "campaign_id", unique=True, postgresql_where=OPEN_RUN),
    )

    campaign_id: UUID
    campaign_version_id: UUID
    template_version_id: UUID
    audience_id: UUID
    sender_id: UUID
    connector_id: UUID
    channel: Channel = Field(sa_type=enum_type(Channel, "channel"))
    category: Category = Field(sa_type=enum_type(Category, "category"))
    status: RunStatus = Field(default=RunStatus.SCHEDULED, sa_type=enum_type(RunStatus, "run_status"))
    pause_reason: str | None = None
    routed: bool = False  # no sender was chosen: routes decide, and `sender_id` is only the default
    sender_replaced: bool = False  # the campaign's sender was deleted: the default one sends
    start_at: datetime = Field(sa_type=INSTANT)
    expires_at: datetime = Field(sa_type=INSTANT)  # later than this nothing is sent
    receipt_window: int  # seconds after the last acceptance in which receipts are awaited
    in_doubt_limit: int  # more messages in doubt than this, and the run pauses itself
    messages_per_second: float | None = None
    source_rows: int = Field(sa_type=BigInteger)  # rows of the audience when launched: the frozen source
    frozen_rows: int = Field(default=0, sa_type=BigInteger)  # rows of the source already in the ledger
    frozen_at: datetime | None = Field(default=None, sa_type=INSTANT)
    announced_share: int = 0  # the last multiple of 5 % final that the workflow was signalled
    totals: dict[str, Any] | None = Field(default=None, sa_type=JSONB)  # frozen at the close
    closed_at: datetime | None = Field(default=None, sa_type=INSTANT)


class Wave(SQLModel, table=True):
    """The recipients of a run in one time zone, sent at one derived instant."""

    __tablename__ = "wave"
    __table_args__ = (within_workspace("run_id", "run"),)

    run_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=SmallInteger)
    workspace_id: UUID
    time_zone: str
    due_at: datetime = Field(sa_type=INSTANT)


class Batch(SQLModel, table=True):
    """A key range of one wave. Its row tells the sweeper where leases can have run out."""

    __tablename__ = "batch"
    __table_args__ = (
        within_workspace("run_id", "run"),
        Index("ix_batch_lease", "lease_until", postgresql_where=text("lease_until IS NOT NULL")),
    )

    run_id: UUID = Field(primary_key=True)
    wave: int = Field(primary_key=True, sa_type=SmallInteger)
    first_number: int = Field(primary_key=True, sa_type=BigInteger)
    last_number: int = Field(sa_type=BigInteger)
    workspace_id: UUID
    lease_until: datetime | None = Field(
        default=None, sa_type=INSTANT
    )  # the earliest lease that may still be open in the range


class RunCounter(SQLModel, table=True):
    """Deltas of the states of a run's messages, in the commits that moved them.

    Several shards per run, one taken by each process, so that commits do not queue behind one row;
    the figure is their sum. `code` is the exclusion reason or the provider's error code, else ''.
    """

    __tablename__ = "run_counter"
    __table_args__ = (within_workspace("run_id", "run"),)

    run_id: UUID = Field(primary_key=True)
    shard: int = Field(primary_key=True, sa_type=SmallInteger)
    state: MessageState = Field(primary_key=True, sa_type=enum_type(MessageState, "message_state"))
    code: str = Field(primary_key=True, default="")
    workspace_id: UUID
    count: int = Field(sa_type=BigInteger)
    parts: int = Field(default=0, sa_type=BigInteger)
