"""One import from where it stands to its end: parse a chunk while the one before is copied, commit, move on.

A chunk is one transaction: its rows, the position in the file, the counters, and the size of the reject file move
together. So a process may die anywhere: the next one begins at the committed position, and adds nothing twice.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import asyncpg

from heliograph.db.audiences import ImportPosition, advance, finish_import, read_position
from heliograph.db.engine import Database
from heliograph.db.tables.audiences import ImportStatus
from heliograph.domain.csv.layout import Layout
from heliograph.errors import Defect, NotFound, Transient
from heliograph.services.importing.chunks import Chunk, ChunkTask
from heliograph.services.importing.parser_process import Parser, open_parser
from heliograph.services.importing.reject_file import RejectFile, open_reject_file
from heliograph.telemetry.metrics import record_imported


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far an import is."""

    bytes_read: int
    size: int
    rows_added: int
    rows_rejected: int

    @property
    def percent(self) -> int:
        """Of the file's bytes."""
        return 100 * self.bytes_read // self.size if self.size else 100


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What an import did in all, whichever processes did it."""

    rows_added: int
    rows_rejected: int
    duplicates: int
    error: str | None


Report = Callable[[ImportProgress], None]
"""Told after each commit."""

Halt = Callable[[], bool]
"""Asked at each chunk boundary; True stops the import there, for another process to continue."""


async def run_import(
    database: Database,
    workspace_id: UUID,
    import_id: UUID,
    *,
    rejects: Path,
    report: Report = lambda _: None,
    halt: Halt = lambda: False,
) -> ImportOutcome:
    """Brings an import to its end and removes its file. Calling it again, after a crash or the end, is harmless.

    Raises `Transient` when it stopped before the end: `halt` said so, or another process moves the same import.
    """
    async with database.pool.acquire() as connection:
        position = await read_position(connection, workspace_id, import_id)
    if position is None:
        raise NotFound("there is no such import in this workspace")
    if position.status is not ImportStatus.RUNNING:
        return _outcome(position)
    layout = Layout.model_validate(position.options["layout"])
    error = None
    with open_reject_file(rejects) as reject_file:
        try:
            async with open_parser(position.size - position.bytes_read) as parser:
                position = await _Import(database, layout, parser, reject_file, report, halt).advance_to_end(position)
        except _CannotContinue as stopped:
            position, error = stopped.position, stopped.reason
        reject_file.truncate(position.rejects_size)
    async with database.transaction() as connection:
        duplicates = await finish_import(connection, position, error=error, variables=layout.variables)
    if duplicates is None:
        raise _moved_elsewhere()
    record_imported(duplicates=duplicates)
    if error is None:  # the rows are in the database; a file that could not be read stays for a look at it
        await asyncio.to_thread(Path(position.path).unlink, missing_ok=True)
    return ImportOutcome(position.rows_added, position.rows_rejected, position.duplicates + duplicates, error)


class _CannotContinue(Exception):
    """The file cannot be read any further; what was committed stays."""

    def __init__(self, position: ImportPosition, reason: str) -> None:
        super().__init__(reason)
        self.position = position
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Import:
    database: Database
    layout: Layout
    parser: Parser
    rejects: RejectFile
    report: Report
    halt: Halt

    async def advance_to_end(self, position: ImportPosition) -> ImportPosition:
        """Commits chunk after chunk; the next one is parsed meanwhile."""
        ahead = asyncio.create_task(self._parse(position))
        try:
            while True:
                chunk = await self._read(ahead, position)
                after = _after(position, chunk)
                if not chunk.at_end:
                    ahead = asyncio.create_task(self._parse(after))
                position = await self._commit(position, after, chunk)
                self.report(
                    ImportProgress(position.bytes_read, position.size, position.rows_added, position.rows_rejected)
                )
                if chunk.at_end:
                    return position
                if self.halt():
                    raise Transient("stopped between two chunks; continues where it stands", code="halted")
        finally:
            ahead.cancel()
            with suppress(asyncio.CancelledError, OSError, Transient):
                await ahead

    async def _parse(self, position: ImportPosition) -> Chunk:
        return await self.parser.parse(
            ChunkTask(
                path=Path(position.path),
                layout=self.layout,
                region=position.options.get("region"),
                workspace_id=position.workspace_id,
                audience_id=position.audience_id,
                offset=position.bytes_read,
                line=position.lines_read + 1,
                number=position.number_offset + position.rows_added + 1,
            )
        )

    async def _read(self, ahead: asyncio.Task[Chunk], position: ImportPosition) -> Chunk:
        try:
            chunk = await ahead
        except FileNotFoundError as error:
            raise _CannotContinue(position, "file: is gone from the uploads directory; upload it again") from error
        except PermissionError as error:
            raise _CannotContinue(position, "file: may not be read by the worker") from error
        if chunk.at_end and chunk.offset != position.size:
            raise _CannotContinue(position, "file: changed its size while it was imported; upload it again")
        return chunk

    async def _commit(self, before: ImportPosition, after: ImportPosition, chunk: Chunk) -> ImportPosition:
        size = await asyncio.to_thread(self.rejects.write, before.rejects_size, chunk.rejects)
        after = replace(after, rejects_size=size)
        try:
            async with self.database.transaction() as connection:
                moved = await advance(connection, before, after, chunk.copy)
        except asyncpg.DataError as error:
            raise Defect(
                f"PostgreSQL refuses rows near line {before.lines_read + 1}: {type(error).__name__}"
            ) from error
        if not moved:
            raise _moved_elsewhere()
        record_imported(added=chunk.rows, rejected=chunk.rejected)
        return after


def _after(position: ImportPosition, chunk: Chunk) -> ImportPosition:
    reasons = dict(position.reasons)
    for rule, count in chunk.reasons.items():
        reasons[rule] = reasons.get(rule, 0) + count
    return replace(
        position,
        bytes_read=chunk.offset,
        lines_read=chunk.line - 1,
        rows_added=position.rows_added + chunk.rows,
        rows_rejected=position.rows_rejected + chunk.rejected,
        reasons=reasons,
    )


def _moved_elsewhere() -> Transient:
    return Transient("another process is moving this import; its position is read anew", code="moved_elsewhere")


def _outcome(position: ImportPosition) -> ImportOutcome:
    return ImportOutcome(position.rows_added, position.rows_rejected, position.duplicates, position.error)
