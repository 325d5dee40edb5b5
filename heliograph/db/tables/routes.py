"""Routes: through which senders messages of a channel and category go, and how healthy their connectors are."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Index, Interval, SmallInteger
from sqlmodel import Field, SQLModel

from heliograph.db.tables.base import INSTANT, WorkspaceRow, enum_type, now, unique_in_workspace, within_workspace
from heliograph.domain.health import FIRST_PAUSE, HealthState
from heliograph.domain.vocabulary import Category, Channel


class Route(WorkspaceRow, table=True):
    """One way for messages that name no sender. Without any, the default sender is the way."""

    __tablename__ = "route"
    __table_args__ = (
        unique_in_workspace(),
        within_workspace("sender_id", "sender"),
        Index("uq_route_sender", "workspace_id", "channel", "category", "sender_id", unique=True),
    )

    channel: Channel = Field(sa_type=enum_type(Channel, "channel"))
    category: Category = Field(sa_type=enum_type(Category, "category"))
    sender_id: UUID
    priority: int = Field(default=1, sa_type=SmallInteger)  # the lowest goes first
    weight: int = Field(default=1, sa_type=SmallInteger)  # among routes of one priority


class ConnectorHealth(SQLModel, table=True):
    """What the last calls to a connector say about it. No row: healthy."""

    __tablename__ = "connector_health"
    __table_args__ = (within_workspace("connector_id", "connector"),)

    connector_id: UUID = Field(primary_key=True)
    workspace_id: UUID
    state: HealthState = Field(default=HealthState.HEALTHY, sa_type=enum_type(HealthState, "health_state"))
    since: datetime = Field(default_factory=now, sa_type=INSTANT)
    pause: timedelta = Field(default=FIRST_PAUSE, sa_type=Interval)
    reason: str = ""


class ConnectorCalls(SQLModel, table=True):
    """Calls to a connector within ten seconds, by process: what its health is judged by. Rows live two minutes."""

    __tablename__ = "connector_calls"
    __table_args__ = (within_workspace("connector_id", "connector"),)

    connector_id: UUID = Field(primary_key=True)
    slot: datetime = Field(primary_key=True, sa_type=INSTANT)
    shard: int = Field(primary_key=True, sa_type=SmallInteger)
    workspace_id: UUID
    calls: int
    failed: int
    slow: int
