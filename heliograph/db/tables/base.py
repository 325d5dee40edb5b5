"""What every table shares: ids, time columns, composite foreign keys that carry the workspace."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Enum, ForeignKeyConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from heliograph.ids import new_id

METADATA = SQLModel.metadata
METADATA.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

INSTANT: Any = DateTime(timezone=True)


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def enum_type(enumeration: type[StrEnum], name: str) -> Any:
    """A PostgreSQL enum holding the values (not the Python names) of `enumeration`."""
    return Enum(enumeration, name=name, values_callable=lambda members: [m.value for m in members])


def unique_in_workspace() -> UniqueConstraint:
    """Lets other tables point here with their own workspace in the foreign key."""
    return UniqueConstraint("workspace_id", "id")


def within_workspace(column: str, table: str) -> ForeignKeyConstraint:
    """A foreign key that cannot leave the workspace."""
    return ForeignKeyConstraint(["workspace_id", column], [f"{table}.workspace_id", f"{table}.id"])


class Row(SQLModel):
    """A row with its own id."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    created_at: datetime = Field(default_factory=now, sa_type=INSTANT)


class WorkspaceRow(Row):
    """A row that belongs to one workspace."""

    workspace_id: UUID = Field(foreign_key="workspace.id", index=True)
