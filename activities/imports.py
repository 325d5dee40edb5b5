"""Reading a file into an audience: a shell over `heliograph/services/importing/run.py`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from temporalio import activity

from heliograph.contracts import ImportInput, ImportResult
from heliograph.db.engine import Database
from heliograph.services.importing.run import ImportProgress, run_import
from heliograph.services.importing.staging import reject_path
from heliograph.settings import Settings

_HEARTBEAT_SECONDS: Final = 5.0


class ImportActivities:
    """Idempotent: the position is in the database, moved in the commits that add the rows."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    @activity.defn
    async def import_audience(self, input: ImportInput) -> ImportResult:
        """Imports from where the ledger stands to the end of the file.

        The heartbeats tell a person how far it is; nothing is read from them. When the worker stops, the import
        stops between two chunks and another worker goes on.
        """
        async with _heartbeats() as report:
            outcome = await run_import(
                self._database,
                input.workspace_id,
                input.import_id,
                rejects=reject_path(self._settings, input.import_id),
                report=report.update,
                halt=activity.is_worker_shutdown,
            )
        return ImportResult(
            rows_added=outcome.rows_added,
            rows_rejected=outcome.rows_rejected,
            duplicates=outcome.duplicates,
            error=outcome.error,
        )


class _Heartbeats:
    def __init__(self) -> None:
        self._latest: dict[str, int] = {}

    def update(self, progress: ImportProgress) -> None:
        self._latest = {
            "percent": progress.percent,
            "rows_added": progress.rows_added,
            "rows_rejected": progress.rows_rejected,
        }
        activity.heartbeat(self._latest)

    async def beat(self) -> None:
        """Also through a long statement, such as the one that finds duplicates at the end."""
        while True:
            activity.heartbeat(self._latest)
            await asyncio.sleep(_HEARTBEAT_SECONDS)


@asynccontextmanager
async def _heartbeats() -> AsyncIterator[_Heartbeats]:
    heartbeats = _Heartbeats()
    beating = asyncio.create_task(heartbeats.beat())
    try:
        yield heartbeats
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating
