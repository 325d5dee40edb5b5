"""One export from where it stands to its end: read a window, write its lines, commit the position, go on.

The file is written first and the position committed after it. A process may die anywhere: the next one begins at the
committed position, in the rows and in the file, so that no row is missing and none is there twice.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from heliograph.db import exports
from heliograph.db.communications import Search, Window, count_examined, plan_search, read_window
from heliograph.db.engine import Database
from heliograph.db.exports import ExportPosition
from heliograph.db.tables.exports import ExportStatus, percent_of
from heliograph.domain.communications import CommunicationFilters
from heliograph.errors import NotFound, Transient
from heliograph.services.exporting.file import ExportFile, export_path, open_export_file
from heliograph.services.exporting.lines import header, lines
from heliograph.settings import Settings

ROWS: Final = 5_000
"""Written at a time: what an export holds in memory, whatever its length."""

_PREPARING_SECONDS: Final = 1.0
"""A direct message has its id so much earlier, at most, than the transaction that writes it begins."""

_PATIENCE_SECONDS: Final = 60.0
"""For transactions that were under way when an export began. One that takes longer is not waited for."""
_LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class ExportProgress:
    """How far an export is."""

    rows_written: int
    rows_examined: int
    rows_to_examine: int | None

    @property
    def percent(self) -> int:
        """Of the rows to look at, as counted at the start."""
        return percent_of(self.rows_examined, self.rows_to_examine)


Report = Callable[[ExportProgress], None]
"""Told after each commit."""

Halt = Callable[[], bool]
"""Asked before each window; True stops the export there, for another process to continue."""


async def run_export(
    database: Database,
    settings: Settings,
    workspace_id: UUID,
    export_id: UUID,
    *,
    report: Report = lambda _: None,
    halt: Halt = lambda: False,
) -> ExportPosition:
    """Brings an export to its end. Calling it again, after a crash or the end, is harmless.

    Raises `Transient` when it stopped before the end: `halt` said so, or another process writes the same export.
    """
    async with database.pool.acquire() as connection:
        position = await exports.read_position(connection, workspace_id, export_id)
    if position is None:
        raise NotFound("there is no such export in this workspace")
    if position.status is not ExportStatus.RUNNING:
        return position
    with open_export_file(export_path(settings, export_id)) as file:
        return await _Export(database, settings, file, report, halt).advance_to_end(position)


@dataclass(frozen=True)
class _Export:
    database: Database
    settings: Settings
    file: ExportFile
    report: Report
    halt: Halt

    async def advance_to_end(self, position: ExportPosition) -> ExportPosition:
        filters = CommunicationFilters.model_validate(position.filters)
        if position.position is None or self.file.size < position.size:  # or its file is gone: from the start
            await self._until_settled()
            position = await self._begin(position, filters)
        async with self.database.pool.acquire() as connection:
            search = await plan_search(connection, position.workspace_id, filters)
        more = True
        while more:
            if self.halt():
                raise Transient("the export was told to stop and goes on elsewhere", code="halted")
            window = await self._read(position, search)
            position = await self._write(position, window)
            more = window.next is not None
        await asyncio.to_thread(self.file.truncate, position.size)
        keep = timedelta(seconds=self.settings.export_lifetime_seconds)
        async with self.database.pool.acquire() as connection:
            if not await exports.finish_export(connection, position, keep):
                raise _moved_elsewhere()
        return replace(position, status=ExportStatus.COMPLETED)

    async def _until_settled(self) -> None:
        """Waits for the transactions under way: they may commit messages that are older than the export."""
        await asyncio.sleep(_PREPARING_SECONDS)
        pool, end = self.database.pool, time.monotonic() + _PATIENCE_SECONDS
        latest = await exports.latest_transaction(pool)
        while True:
            if await exports.have_ended(pool, latest) or time.monotonic() > end:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def _begin(self, position: ExportPosition, filters: CommunicationFilters) -> ExportPosition:
        async with self.database.pool.acquire() as connection:
            search = await plan_search(connection, position.workspace_id, filters)
            total = await count_examined(connection, position.workspace_id, search, below=position.id)
        size = await asyncio.to_thread(self.file.write, 0, header())
        after = replace(
            position, position=position.id, rows_written=0, rows_examined=0, rows_to_examine=total, size=size
        )
        return await self._commit(position, after)

    async def _read(self, position: ExportPosition, search: Search) -> Window:
        async with self.database.pool.acquire() as connection:
            return await read_window(
                connection, position.workspace_id, search, below=position.position or position.id, limit=ROWS
            )

    async def _write(self, position: ExportPosition, window: Window) -> ExportPosition:
        if not window.rows and window.next is None:
            return position
        size = await asyncio.to_thread(self.file.write, position.size, await asyncio.to_thread(lines, window.rows))
        after = replace(
            position,
            position=window.next or window.rows[-1]["id"],
            rows_written=position.rows_written + len(window.rows),
            rows_examined=position.rows_examined + window.examined,
            size=size,
        )
        return await self._commit(position, after)

    async def _commit(self, before: ExportPosition, after: ExportPosition) -> ExportPosition:
        async with self.database.pool.acquire() as connection:
            if not await exports.advance(connection, before, after):
                raise _moved_elsewhere()
        self.report(ExportProgress(after.rows_written, after.rows_examined, after.rows_to_examine))
        return after


def _moved_elsewhere() -> Transient:
    return Transient("another process is moving this export; its position is read anew", code="moved_elsewhere")
