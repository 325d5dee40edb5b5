"""Exports of reports: the noun, and the position of one that runs."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.engine import Connection, Pool
from heliograph.db.pages import Page, PageRequest, newest_first
from heliograph.db.tables import ReportExport
from heliograph.db.tables.exports import ExportStatus


async def find_export(session: AsyncSession, workspace_id: UUID, export_id: UUID) -> ReportExport | None:
    """One export of the workspace."""
    statement = select(ReportExport).where(ReportExport.id == export_id, ReportExport.workspace_id == workspace_id)
    return (await session.exec(statement)).one_or_none()


async def page_exports(
    session: AsyncSession, workspace_id: UUID, request: PageRequest[UUID]
) -> Page[ReportExport, UUID]:
    """Exports of the workspace, newest first."""
    statement = select(ReportExport).where(ReportExport.workspace_id == workspace_id)
    return await newest_first(session, statement, col(ReportExport.id), request, lambda found: found.id)


@dataclass(frozen=True, slots=True)
class ExportPosition:
    """Where an export stands, as committed."""

    id: UUID
    workspace_id: UUID
    status: ExportStatus
    filters: dict[str, Any]
    position: UUID | None  # None: nothing is written yet
    rows_written: int
    rows_examined: int
    rows_to_examine: int | None
    size: int


async def read_position(connection: Connection, workspace_id: UUID, export_id: UUID) -> ExportPosition | None:
    """The ledger of an export."""
    row = await connection.fetchrow(
        """
        SELECT id, workspace_id, status::text, filters, position, rows_written, rows_examined, rows_to_examine, size
        FROM report_export WHERE id = $1 AND workspace_id = $2
        """,
        export_id,
        workspace_id,
    )
    return ExportPosition(**{**row, "status": ExportStatus(row["status"])}) if row is not None else None


async def advance(connection: Connection, before: ExportPosition, after: ExportPosition) -> bool:
    """Moves the position; False, and nothing done, when the export no longer stands at `before`."""
    moved = await connection.fetchval(
        """
        UPDATE report_export
        SET position = $4, rows_written = $5, rows_examined = $6, rows_to_examine = $7, size = $8
        WHERE id = $1 AND position IS NOT DISTINCT FROM $2 AND size = $3 AND status = 'running'
        RETURNING true
        """,
        before.id,
        before.position,
        before.size,
        after.position,
        after.rows_written,
        after.rows_examined,
        after.rows_to_examine,
        after.size,
    )
    return moved is not None


async def finish_export(connection: Connection, position: ExportPosition, keep: timedelta) -> bool:
    """Completes an export that stands at `position`; its file may be removed after `keep`."""
    finished = await connection.fetchval(
        """
        UPDATE report_export SET status = 'completed', finished_at = now(), expires_at = now() + $3::interval
        WHERE id = $1 AND size = $2 AND status = 'running' RETURNING true
        """,
        position.id,
        position.size,
        keep,
    )
    return finished is not None


async def latest_transaction(pool: Pool) -> int:
    """The number that the next transaction will have."""
    return int(await pool.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))


async def have_ended(pool: Pool, transaction: int) -> bool:
    """Whether every transaction that began before this one has ended."""
    return int(await pool.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")) >= transaction


async def running_exports(pool: Pool, older_than: timedelta) -> list[tuple[UUID, UUID]]:
    """(workspace, export) of exports begun a while ago that have not ended: each must have a workflow."""
    rows = await pool.fetch(
        "SELECT workspace_id, id FROM report_export WHERE status = 'running' AND created_at < now() - $1::interval",
        older_than,
    )
    return [(row["workspace_id"], row["id"]) for row in rows]


async def exports_past_their_time(pool: Pool, limit: int) -> list[UUID]:
    """Completed exports whose files need not be kept any longer."""
    rows = await pool.fetch(
        "SELECT id FROM report_export WHERE status = 'completed' AND expires_at <= now() ORDER BY expires_at LIMIT $1",
        limit,
    )
    return [row["id"] for row in rows]


async def expire(pool: Pool, export_ids: list[UUID]) -> None:
    """Their files are gone; with them goes whose address was asked for."""
    await pool.execute(
        """
        UPDATE report_export SET status = 'expired', filters = filters - 'address'
        WHERE id = ANY ($1::uuid[]) AND status = 'completed'
        """,
        export_ids,
    )
