"""Audiences: CSV data sets of recipients and their template variables."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlmodel import Field, SQLModel

from heliograph.db.tables.base import (
    INSTANT,
    WorkspaceRow,
    enum_type,
    now,
    unique_in_workspace,
    within_workspace,
)


class ImportStatus(StrEnum):
    """Where an import is."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"  # the file as a whole cannot be read; what was imported before stays counted


class Audience(WorkspaceRow, table=True):
    """A data set. Its rows are numbered from 1 in the order of import and never change.

    `row_count` moves when an import has ended and its duplicates are marked: rows numbered above it are not
    yet part of the audience, so a run that freezes `number <= row_count` never meets a half-read file.
    """

    __tablename__ = "audience"
    __table_args__ = (unique_in_workspace(),)

    name: str
    description: str = ""
    default_region: str | None = None
    columns: list[str] = Field(default_factory=list, sa_type=ARRAY(TEXT))
    row_count: int = Field(default=0, sa_type=BigInteger)
    duplicate_count: int = Field(default=0, sa_type=BigInteger)  # rows whose address an earlier row has
    updated_at: datetime = Field(default_factory=now, sa_type=INSTANT)
    deleted_at: datetime | None = Field(default=None, sa_type=INSTANT)


class AudienceImport(WorkspaceRow, table=True):
    """One file read into one audience. Its position moves in the commit that adds the rows up to it."""

    __tablename__ = "audience_import"
    __table_args__ = (
        unique_in_workspace(),
        within_workspace("audience_id", "audience"),
        # The same bytes imported again are recognised and add nothing.
        UniqueConstraint("audience_id", "digest"),
        # Rows are numbered without gaps: one import at a time.
        Index("uq_audience_import_running", "audience_id", unique=True, postgresql_where=text("status = 'running'")),
    )

    audience_id: UUID
    status: ImportStatus = Field(default=ImportStatus.RUNNING, sa_type=enum_type(ImportStatus, "import_status"))
    path: str  # where workers find the file
    file_name: str
    digest: bytes  # SHA-256 of the file
    size: int = Field(sa_type=BigInteger)  # bytes
    options: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)  # encoding, separator, mapping, region
    number_offset: int = Field(default=0, sa_type=BigInteger)  # the n-th row added has number `number_offset + n`
    bytes_read: int = Field(default=0, sa_type=BigInteger)
    lines_read: int = Field(default=0, sa_type=BigInteger)
    rows_added: int = Field(default=0, sa_type=BigInteger)
    rows_rejected: int = Field(default=0, sa_type=BigInteger)
    duplicates: int = Field(default=0, sa_type=BigInteger)
    reject_path: str | None = None
    rejects_size: int = Field(default=0, sa_type=BigInteger)  # bytes of the reject file that are committed
    reasons: dict[str, int] = Field(default_factory=dict, sa_type=JSONB)  # rule → rows rejected by it
    error: str | None = None
    finished_at: datetime | None = Field(default=None, sa_type=INSTANT)


class AudienceRow(SQLModel, table=True):
    """One recipient. `number` is its key in every run of the audience."""

    __tablename__ = "audience_row"
    __table_args__ = (within_workspace("audience_id", "audience"),)

    audience_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    workspace_id: UUID
    address: str  # E.164
    region: str | None = None  # ISO 3166-1 alpha-2 of the number
    duplicate_of: int | None = Field(default=None, sa_type=BigInteger)  # the first row with this address
    variables: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
