"""Audiences and their imports in SQL."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.audience_copy import COLUMNS
from heliograph.db.engine import Connection, Pool
from heliograph.db.pages import Page, PageRequest, newest_first, page_of
from heliograph.db.tables import Audience, AudienceImport, AudienceRow, Run
from heliograph.db.tables.audiences import ImportStatus
from heliograph.db.tables.campaigns import OPEN_RUN

_COPY_PIECE: Final = 2**18  # bytes


async def find_audience(
    session: AsyncSession, workspace_id: UUID, audience_id: UUID, *, lock: bool = False
) -> Audience | None:
    """One audience that is not deleted; `lock` holds it until the commit."""
    statement = select(Audience).where(
        Audience.id == audience_id, Audience.workspace_id == workspace_id, col(Audience.deleted_at).is_(None)
    )
    return (await session.exec(statement.with_for_update() if lock else statement)).one_or_none()


async def page_audiences(session: AsyncSession, workspace_id: UUID, request: PageRequest[UUID]) -> Page[Audience, UUID]:
    """Audiences that are not deleted, newest first."""
    statement = select(Audience).where(Audience.workspace_id == workspace_id, col(Audience.deleted_at).is_(None))
    return await newest_first(session, statement, col(Audience.id), request, lambda audience: audience.id)


async def open_run_of_audience(session: AsyncSession, workspace_id: UUID, audience_id: UUID) -> UUID | None:
    """A run that still reads this audience."""
    statement = select(Run.id).where(Run.workspace_id == workspace_id, Run.audience_id == audience_id, OPEN_RUN)
    return (await session.exec(statement.limit(1))).first()


async def page_rows(session: AsyncSession, audience: Audience, request: PageRequest[int]) -> Page[AudienceRow, int]:
    """Rows that belong to the audience, in the order of import: those of an import under way are not among them."""
    statement = select(AudienceRow).where(
        AudienceRow.audience_id == audience.id, AudienceRow.number <= audience.row_count
    )
    if request.after is not None:
        statement = statement.where(AudienceRow.number > request.after)
    rows = (await session.exec(statement.order_by(col(AudienceRow.number)).limit(request.limit + 1))).all()
    return page_of(rows, request, lambda row: row.number)


# -- imports as nouns


async def find_import(
    session: AsyncSession, workspace_id: UUID, import_id: UUID, *, audience_id: UUID | None = None
) -> AudienceImport | None:
    """One import, of a given audience if that is named."""
    statement = select(AudienceImport).where(
        AudienceImport.id == import_id, AudienceImport.workspace_id == workspace_id
    )
    if audience_id is not None:
        statement = statement.where(AudienceImport.audience_id == audience_id)
    return (await session.exec(statement)).one_or_none()


async def find_import_of_file(session: AsyncSession, audience_id: UUID, digest: bytes) -> AudienceImport | None:
    """The import of a file with this SHA-256 into this audience."""
    statement = select(AudienceImport).where(AudienceImport.audience_id == audience_id, AudienceImport.digest == digest)
    return (await session.exec(statement)).one_or_none()


async def find_running_import(session: AsyncSession, audience_id: UUID) -> AudienceImport | None:
    """The import that is filling this audience."""
    statement = select(AudienceImport).where(
        AudienceImport.audience_id == audience_id, AudienceImport.status == ImportStatus.RUNNING
    )
    return (await session.exec(statement)).one_or_none()


async def page_imports(
    session: AsyncSession, audience: Audience, request: PageRequest[UUID]
) -> Page[AudienceImport, UUID]:
    """Imports of an audience, newest first."""
    statement = select(AudienceImport).where(AudienceImport.audience_id == audience.id)
    return await newest_first(session, statement, col(AudienceImport.id), request, lambda found: found.id)


async def count_rows(session: AsyncSession, audience_id: UUID) -> int:
    """Rows in the table, those of an import under way included. Reads them all: for tests and audits."""
    statement = select(func.count()).select_from(AudienceRow).where(AudienceRow.audience_id == audience_id)
    return (await session.exec(statement)).one()


# -- rows by the thousand


@dataclass(frozen=True, slots=True)
class ImportPosition:
    """Where a running import stands, as committed."""

    id: UUID
    workspace_id: UUID
    audience_id: UUID
    path: str
    size: int
    options: dict[str, Any]
    number_offset: int
    bytes_read: int
    lines_read: int
    rows_added: int
    rows_rejected: int
    rejects_size: int
    reasons: dict[str, int]
    status: ImportStatus
    duplicates: int
    error: str | None


async def read_position(connection: Connection, workspace_id: UUID, import_id: UUID) -> ImportPosition | None:
    """The ledger of an import."""
    row = await connection.fetchrow(
        """
        SELECT id, workspace_id, audience_id, path, size, options, number_offset, bytes_read, lines_read,
               rows_added, rows_rejected, rejects_size, reasons, status::text AS status, duplicates, error
        FROM audience_import WHERE id = $1 AND workspace_id = $2
        """,
        import_id,
        workspace_id,
    )
    return ImportPosition(**{**row, "status": ImportStatus(row["status"])}) if row is not None else None


async def advance(connection: Connection, before: ImportPosition, after: ImportPosition, rows: bytes) -> bool:
    """Adds a chunk's rows and moves the position, in the caller's transaction.

    False, and nothing done, when the import no longer stands at `before`: another worker has moved it. The position
    is moved first, so that its row lock keeps a second worker with the same chunk waiting until it sees that.
    """
    moved = await connection.fetchval(
        """
        UPDATE audience_import
        SET bytes_read = $3, lines_read = $4, rows_added = $5, rows_rejected = $6, rejects_size = $7, reasons = $8
        WHERE id = $1 AND bytes_read = $2 AND status = 'running'
        RETURNING true
        """,
        before.id,
        before.bytes_read,
        after.bytes_read,
        after.lines_read,
        after.rows_added,
        after.rows_rejected,
        after.rejects_size,
        after.reasons,
    )
    if moved is None:
        return False
    if rows:
        await connection.copy_to_table("audience_row", source=_pieces(rows), columns=COLUMNS, format="text")
    return True


async def _pieces(rows: bytes) -> AsyncIterator[bytes]:
    """As asyncpg wants a source: in pieces, so that other tasks get their turn between them."""
    for start in range(0, len(rows), _COPY_PIECE):
        yield rows[start : start + _COPY_PIECE]


# The first row with an address counts, later ones point to it. Earlier imports are marked already, so only rows of
# this one (above $2) are looked at again, but their first may lie anywhere in the audience: one hashed aggregate over
# the audience (it spills to disk when it must), joined by hash to the new rows. No index on the address is kept for
# it: that would cost every COPY more than this one pass.
_MARK_DUPLICATES = """
WITH first AS (
    SELECT address, min(number) AS number FROM audience_row
    WHERE audience_id = $1 AND number <= $3 GROUP BY address HAVING count(*) > 1
), marked AS (
    UPDATE audience_row AS later SET duplicate_of = first.number
    FROM first
    WHERE later.audience_id = $1 AND later.number > $2 AND later.number <= $3
      AND later.address = first.address AND later.number > first.number
    RETURNING 1
)
SELECT count(*) FROM marked
"""


async def finish_import(
    connection: Connection, position: ImportPosition, *, error: str | None, variables: list[str]
) -> int | None:
    """Marks duplicates and makes the rows part of the audience; gives the duplicates found.

    None, and nothing done, when the import is not running any more.
    """
    audience = await connection.fetchrow(
        "SELECT row_count, duplicate_count FROM audience WHERE id = $1 FOR NO KEY UPDATE", position.audience_id
    )
    last = position.number_offset + position.rows_added
    finished = await connection.fetchval(
        """
        UPDATE audience_import SET status = $3::import_status, error = $4, finished_at = now()
        WHERE id = $1 AND bytes_read = $2 AND status = 'running' RETURNING true
        """,
        position.id,
        position.bytes_read,
        (ImportStatus.COMPLETED if error is None else ImportStatus.FAILED).value,
        error,
    )
    if finished is None:
        return None
    # A planner whose statistics are from before the COPY takes these rows for a handful, and would aggregate the
    # audience anew for each of them: hours instead of a second.
    await connection.execute("SET LOCAL enable_nestloop = off")
    found: int = await connection.fetchval(_MARK_DUPLICATES, position.audience_id, audience["row_count"], last)
    await connection.execute("SET LOCAL enable_nestloop TO DEFAULT")
    await connection.execute(
        "UPDATE audience_import SET duplicates = duplicates + $2 WHERE id = $1", position.id, found
    )
    await connection.execute(
        """
        UPDATE audience
        SET row_count = $2, duplicate_count = duplicate_count + $3, updated_at = now(),
            columns = columns || ARRAY(
                SELECT name FROM unnest($4::text[]) WITH ORDINALITY AS fresh (name, place)
                WHERE name <> ALL (columns) ORDER BY place
            )
        WHERE id = $1
        """,
        position.audience_id,
        last,
        found,
        variables,
    )
    return found


async def running_imports(pool: Pool, older_than: timedelta) -> list[tuple[UUID, UUID]]:
    """(workspace, import) of imports begun a while ago that have not ended: each must have a workflow."""
    rows = await pool.fetch(
        "SELECT workspace_id, id FROM audience_import WHERE status = 'running' AND created_at < now() - $1::interval",
        older_than,
    )
    return [(row["workspace_id"], row["id"]) for row in rows]
