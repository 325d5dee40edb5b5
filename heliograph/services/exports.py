"""Exports of communication reports: asked for, carried out by `ExportWorkflow`, fetched as a file, then removed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from temporalio.service import RPCError

from heliograph.db import exports as rows
from heliograph.db.engine import Database
from heliograph.db.outbox import EXPORT_START
from heliograph.db.pages import Page, PageRequest
from heliograph.db.tables import Outbox, ReportExport
from heliograph.db.tables.exports import ExportStatus
from heliograph.domain.communications import CommunicationFilters
from heliograph.errors import Conflict, NotFound
from heliograph.services.communications import checked_filters
from heliograph.services.context import Actor, Services, audit
from heliograph.services.exporting.file import export_path
from heliograph.services.starting import start_export as start_workflow
from heliograph.settings import Settings

PERMISSION: Final = "reports.export"
_PATIENCE_SECONDS: Final = 3.0
"""For Temporal, before the start is left to the outbox."""
_PIECE: Final = 2**18
_REMOVED_AT_A_TIME: Final = 100

_log = logging.getLogger(__name__)


async def start_export(services: Services, actor: Actor, filters: CommunicationFilters) -> ReportExport:
    """Starts an export of what the filters mean, as far as it was written before now."""
    actor.require(PERMISSION)
    filters = await checked_filters(services, actor, filters)
    document = filters.model_dump(mode="json", by_alias=True, exclude_none=True)
    record = ReportExport(workspace_id=actor.workspace_id, filters=document)
    async with services.database.unit_of_work() as session:
        session.add(record)
        session.add(
            Outbox(
                workspace_id=record.workspace_id,
                topic=EXPORT_START,
                key=str(record.id),
                payload={"workspace_id": str(record.workspace_id), "export_id": str(record.id)},
            )
        )
        shown = {name: value for name, value in document.items() if name != "address"}
        audit(session, actor, "report_export.start", record.id, {**shown, "by_address": filters.address is not None})
    await _start_soon(services, record)
    return record


async def _start_soon(services: Services, record: ReportExport) -> None:
    """Starts the workflow at once; if Temporal is away, the outbox row does it later."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await start_workflow(services.temporal, record.workspace_id, record.id)
    except (RPCError, TimeoutError, RuntimeError) as error:
        _log.warning("export %s: its start is left to the outbox: %s", record.id, type(error).__name__)


async def get_export(services: Services, actor: Actor, export_id: UUID) -> ReportExport:
    """One export with its progress."""
    actor.require(PERMISSION)
    async with services.database.unit_of_work() as session:
        found = await rows.find_export(session, actor.workspace_id, export_id)
    if found is None:
        raise NotFound("there is no such export in this workspace", code="export_not_found")
    return found


async def page_exports(services: Services, actor: Actor, request: PageRequest[UUID]) -> Page[ReportExport, UUID]:
    """Exports of the workspace, newest first."""
    actor.require(PERMISSION)
    async with services.database.unit_of_work() as session:
        return await rows.page_exports(session, actor.workspace_id, request)


@dataclass(frozen=True, slots=True)
class ExportDownload:
    """The file of an export that has ended."""

    path: Path
    file_name: str
    size: int

    async def pieces(self) -> AsyncIterator[bytes]:
        """Its bytes. A file that is removed meanwhile is read to its end all the same."""
        with await asyncio.to_thread(self.path.open, "rb") as file:
            while piece := await asyncio.to_thread(file.read, _PIECE):
                yield piece


async def open_export(services: Services, actor: Actor, export_id: UUID) -> ExportDownload:
    """The file, when it is whole; the download is audited. `Conflict` before its end, `NotFound` after its time."""
    record = await get_export(services, actor, export_id)
    if record.status is ExportStatus.RUNNING:
        raise Conflict("the export has not ended: ask for its progress, and again then", code="export_running")
    path = export_path(services.settings, record.id)
    if record.status is ExportStatus.EXPIRED or not await asyncio.to_thread(path.is_file):
        raise NotFound("the file of this export was removed: ask for a new export", code="export_expired")
    async with services.database.unit_of_work() as session:
        audit(session, actor, "report_export.download", record.id)
    return ExportDownload(path, f"communications-{record.id}.csv", record.size)


async def wait_for_export(
    services: Services,
    actor: Actor,
    export_id: UUID,
    *,
    report: Callable[[ReportExport], None] = lambda _: None,
    every: timedelta = timedelta(milliseconds=200),
) -> ReportExport:
    """The export when it has ended; `report` is told its state on the way."""
    while True:
        record = await get_export(services, actor, export_id)
        report(record)
        if record.status is not ExportStatus.RUNNING:
            return record
        await asyncio.sleep(every.total_seconds())


async def remove_expired_exports(database: Database, settings: Settings) -> int:
    """Removes files past their time; how many. The file goes first: after a crash in between it is done again."""
    expired = await rows.exports_past_their_time(database.pool, _REMOVED_AT_A_TIME)
    for export_id in expired:
        await asyncio.to_thread(export_path(settings, export_id).unlink, missing_ok=True)
    await rows.expire(database.pool, expired)
    return len(expired)
