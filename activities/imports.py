"""Reading a file into an audience: a shell over `heliograph/services/importing/run.py`."""

from temporalio import activity

from activities.heartbeats import heartbeats
from heliograph.contracts import ImportInput, ImportResult
from heliograph.db.engine import Database
from heliograph.services.importing.run import run_import
from heliograph.services.importing.staging import reject_path
from heliograph.settings import Settings


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
        async with heartbeats() as beating:
            outcome = await run_import(
                self._database,
                input.workspace_id,
                input.import_id,
                rejects=reject_path(self._settings, input.import_id),
                report=lambda progress: beating.update(
                    percent=progress.percent, rows_added=progress.rows_added, rows_rejected=progress.rows_rejected
                ),
                halt=activity.is_worker_shutdown,
            )
        return ImportResult(
            rows_added=outcome.rows_added,
            rows_rejected=outcome.rows_rejected,
            duplicates=outcome.duplicates,
            error=outcome.error,
        )
