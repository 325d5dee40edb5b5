"""Templates and their immutable versions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlmodel import Field

from heliograph.db.tables.base import (
    INSTANT,
    WorkspaceRow,
    enum_type,
    now,
    unique_in_workspace,
    within_workspace,
)
from heliograph.domain.vocabulary import Channel, MissingVariable


class Template(WorkspaceRow, table=True):
    """A named text with versions."""

    __tablename__ = "template"
    __table_args__ = (unique_in_workspace(),)

    name: str
    description: str = ""
    tags: list[str] = Field(default_factory=list, sa_type=ARRAY(TEXT))
    channel: Channel = Field(sa_type=enum_type(Channel, "channel"))
    latest_version: int = 0
    updated_at: datetime = Field(default_factory=now, sa_type=INSTANT)
    archived_at: datetime | None = Field(default=None, sa_type=INSTANT)


class TemplateVersion(WorkspaceRow, table=True):
    """What a campaign pins; never changed."""

    __tablename__ = "template_version"
    __table_args__ = (
        unique_in_workspace(),
        within_workspace("template_id", "template"),
        UniqueConstraint("template_id", "number"),
    )

    template_id: UUID
    number: int
    body: str
    variables: list[str] = Field(default_factory=list, sa_type=ARRAY(TEXT))
    fallbacks: dict[str, str] = Field(default_factory=dict, sa_type=JSONB)
    missing_variable: MissingVariable = Field(sa_type=enum_type(MissingVariable, "missing_variable"))
    smart_encoding: bool = False
