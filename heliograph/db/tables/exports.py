"""Exports of reports into files."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from heliograph.db.tables.base import INSTANT, WorkspaceRow, enum_type


class ExportStatus(StrEnum):
    """Where an export is."""

    RUNNING = "running"
    COMPLETED = "completed"
    EXPIRED = "expired"  # its file was removed


def percent_of(examined: int, to_examine: int | None) -> int:
    """Of the rows to look at, as counted at the start; 100 is for what has ended."""
    return 0 if to_examine is None else min(99, 100 * examined // max(1, to_examine))


class ReportExport(WorkspaceRow, table=True):
    """One report on its way into a file, which holds exactly the bytes that are committed here.

    Its own id is the upper bound: messages whose ids are less were written before it was asked for.
    """

    __tablename__ = "report_export"
    __table_args__ = (
        Index("ix_report_export_page", "workspace_id", "id"),
        Index("ix_report_export_running", "id", postgresql_where=text("status = 'running'")),
        Index("ix_report_export_expires_at", "expires_at", postgresql_where=text("status = 'completed'")),
    )

    status: ExportStatus = Field(default=ExportStatus.RUNNING, sa_type=enum_type(ExportStatus, "export_status"))
    filters: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)  # CommunicationFilters; of an expired one
    # without the address
    position: UUID | None = None  # messages with this id or a greater one are in the file
    rows_written: int = Field(default=0, sa_type=BigInteger)
    rows_examined: int = Field(default=0, sa_type=BigInteger)
    rows_to_examine: int | None = Field(default=None, sa_type=BigInteger)  # None: not counted yet
    size: int = Field(default=0, sa_type=BigInteger)  # bytes of the file that are committed
    finished_at: datetime | None = Field(default=None, sa_type=INSTANT)
    expires_at: datetime | None = Field(default=None, sa_type=INSTANT)  # after this the file is removed

    @property
    def percent(self) -> int:
        """How far it is."""
        running = self.status is ExportStatus.RUNNING
        return percent_of(self.rows_examined, self.rows_to_examine) if running else 100
