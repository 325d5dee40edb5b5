"""Imports of CSV files into audiences: started once per file, carried out by `ImportWorkflow`.

A file is first staged (`importing/staging.py`), from a stream or a path; `start_import` takes it over.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.service import RPCError

from heliograph.db import audiences as rows
from heliograph.db.outbox import IMPORT_START
from heliograph.db.pages import Page, PageRequest
from heliograph.db.tables import Audience, AudienceImport, Outbox, Workspace
from heliograph.db.tables.audiences import ImportStatus
from heliograph.db.workspaces import find_workspace
from heliograph.domain.csv.layout import Declared, Layout, read_layout
from heliograph.errors import Conflict, Forbidden, NotFound
from heliograph.services.audiences import audience_in, checked_region
from heliograph.services.context import Actor, Services, audit
from heliograph.services.importing.staging import StagedFile, reject_path, stage_path, upload_path
from heliograph.services.starting import start_import as start_workflow

_PATIENCE_SECONDS: Final = 3.0
"""For Temporal, before the start is left to the outbox."""

_log = logging.getLogger(__name__)


class ImportOptions(BaseModel):
    """What the caller says of a file; what is left out is found in it, or taken from audience and workspace."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    region: str | None = None
    encoding: str | None = None
    separator: str | None = None
    phone_column: str | None = None

    @property
    def declared(self) -> Declared:
        """The part that concerns reading the file."""
        return Declared(encoding=self.encoding, separator=self.separator, phone_column=self.phone_column)


@dataclass(frozen=True, slots=True)
class StartedImport:
    """An import; `created` is false when the same file had been given to this audience before."""

    audience_import: AudienceImport
    created: bool


async def stage_server_file(services: Services, actor: Actor, path: str) -> StagedFile:
    """A file of the server's own disk, if it lies in one of `settings.import_directories`."""
    actor.require("campaigns.manage")
    allowed = services.settings.import_directories
    if not allowed:
        raise Forbidden(
            "path: importing files of the server is switched off; list directories in HELIOGRAPH_IMPORT_DIRECTORIES "
            "or upload the file",
            code="import_directories",
        )
    resolved = await asyncio.to_thread(Path(path).resolve)
    if not any(resolved.is_relative_to(directory.resolve()) for directory in allowed):
        raise Forbidden("path: does not lie in a directory of HELIOGRAPH_IMPORT_DIRECTORIES", code="import_directories")
    return await stage_path(services.settings, resolved)


async def read_staged_layout(staged: StagedFile, options: ImportOptions) -> Layout:
    """How the file will be read; `InvalidInput` names what is wrong with it as a whole."""
    head, at_end = await asyncio.to_thread(staged.head)
    return await asyncio.to_thread(read_layout, head, options.declared, at_end=at_end)


async def start_import(
    services: Services, actor: Actor, audience_id: UUID, staged: StagedFile, options: ImportOptions
) -> StartedImport:
    """Starts the import of a staged file, and takes the file over or removes it.

    A file that this audience has had (by SHA-256) is answered with its first import. Only if that one added nothing,
    it is tried again with these options; if it failed on the way, it goes on where it stopped. `Conflict` while
    another file is being imported into the audience: rows are numbered without a gap.
    """
    try:
        actor.require("campaigns.manage")
        layout = await read_staged_layout(staged, options)
        async with services.database.unit_of_work() as session:
            audience = await audience_in(session, actor, audience_id, lock=True)
            found = await rows.find_import_of_file(session, audience.id, staged.digest)
            if found is not None and _stands(found):
                started = StartedImport(found, created=False)
            else:
                await _refuse_second(session, audience)
                record = found or _new_import(actor, audience, staged)
                _prepare(services, record, audience, staged)
                if not record.rows_added:
                    _begin_anew(record, layout, await _stored_options(session, audience, options, layout))
                await _place(session, actor, record, staged)
                started = StartedImport(record, created=True)
    finally:
        staged.discard()  # unless it was taken over, which renamed it
    if started.audience_import.status is ImportStatus.RUNNING:
        await _start_soon(services, started.audience_import)
    return started


def _stands(found: AudienceImport) -> bool:
    """Whether a repeated file changes nothing about its import."""
    if found.status is ImportStatus.RUNNING:
        return True
    return found.status is ImportStatus.COMPLETED and found.rows_added > 0


async def _refuse_second(session: AsyncSession, audience: Audience) -> None:
    if (running := await rows.find_running_import(session, audience.id)) is not None:
        raise Conflict(
            f"the import {running.id} is still filling this audience: wait for its end", code="import_running"
        )


def _new_import(actor: Actor, audience: Audience, staged: StagedFile) -> AudienceImport:
    return AudienceImport(
        workspace_id=actor.workspace_id,
        audience_id=audience.id,
        path="",
        file_name=staged.file_name,
        digest=staged.digest,
        size=staged.size,
    )


def _prepare(services: Services, record: AudienceImport, audience: Audience, staged: StagedFile) -> None:
    """Makes an import ready to run, from its present position."""
    record.status = ImportStatus.RUNNING
    record.path = str(upload_path(services.settings, record.id))
    record.reject_path = str(reject_path(services.settings, record.id))
    record.file_name = staged.file_name
    record.number_offset = audience.row_count - record.rows_added
    record.error = record.finished_at = None


def _begin_anew(record: AudienceImport, layout: Layout, options: dict[str, Any]) -> None:
    record.options = options
    record.bytes_read, record.lines_read = layout.offset, layout.line - 1
    record.rows_rejected = record.rejects_size = 0
    record.reasons = {}


async def _stored_options(
    session: AsyncSession, audience: Audience, options: ImportOptions, layout: Layout
) -> dict[str, Any]:
    region = checked_region(options.region, field="region") or audience.default_region
    if region is None:
        workspace: Workspace | None = await find_workspace(session, audience.workspace_id)
        region = workspace.default_region if workspace is not None else None
    return {"region": region, "layout": layout.model_dump(mode="json")}


async def _place(session: AsyncSession, actor: Actor, record: AudienceImport, staged: StagedFile) -> None:
    """Everything that is committed together. The file is renamed just before: without the commit nobody knows it."""
    session.add(record)
    session.add(
        Outbox(
            workspace_id=record.workspace_id,
            topic=IMPORT_START,
            key=str(record.id),
            payload={"workspace_id": str(record.workspace_id), "import_id": str(record.id)},
        )
    )
    detail = {"audience_id": str(record.audience_id), "file": staged.file_name, "bytes": staged.size}
    audit(session, actor, "import.start", record.id, detail)
    await session.flush()
    await asyncio.to_thread(staged.path.replace, record.path)


async def _start_soon(services: Services, record: AudienceImport) -> None:
    """Starts the workflow at once; if Temporal is away, the outbox row does it later."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await start_workflow(services.temporal, record.workspace_id, record.id)
    except (RPCError, TimeoutError, RuntimeError) as error:
        _log.warning("import %s: its start is left to the outbox: %s", record.id, type(error).__name__)


async def page_imports(
    services: Services, actor: Actor, audience_id: UUID, request: PageRequest[UUID]
) -> Page[AudienceImport, UUID]:
    """Imports of an audience, newest first."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        return await rows.page_imports(session, await audience_in(session, actor, audience_id), request)


async def get_import(
    services: Services, actor: Actor, import_id: UUID, *, audience_id: UUID | None = None
) -> AudienceImport:
    """One import with its progress, of a given audience if that is named."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        found = await rows.find_import(session, actor.workspace_id, import_id, audience_id=audience_id)
    if found is None:
        raise NotFound("there is no such import in this workspace")
    return found


async def wait_for_import(
    services: Services,
    actor: Actor,
    import_id: UUID,
    *,
    report: Callable[[AudienceImport], None] = lambda _: None,
    every: timedelta = timedelta(milliseconds=200),
) -> AudienceImport:
    """The import when it has ended, well or not; `report` is told its state on the way."""
    while True:
        record = await get_import(services, actor, import_id)
        report(record)
        if record.status is not ImportStatus.RUNNING:
            return record
        await asyncio.sleep(every.total_seconds())
