"""Writing a report into a file: a shell over `heliograph/services/exporting/run.py`."""

from temporalio import activity

from activities.heartbeats import heartbeats
from heliograph.contracts import ExportInput, ExportResult
from heliograph.db.engine import Database
from heliograph.services.exporting.run import run_export
from heliograph.settings import Settings


class ExportActivities:
    """Idempotent: the position is in the database, committed after the bytes it speaks of."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    @activity.defn
    async def export_report(self, input: ExportInput) -> ExportResult:
        """Writes from where the export stands to its end.

        The heartbeats tell a person how far it is; nothing is read from them. When the worker stops, the export stops
        between two windows and another worker goes on.
        """
        async with heartbeats() as beating:
            ended = await run_export(
                self._database,
                self._settings,
                input.workspace_id,
                input.export_id,
                report=lambda progress: beating.update(percent=progress.percent, rows=progress.rows_written),
                halt=activity.is_worker_shutdown,
            )
        return ExportResult(rows=ended.rows_written, size=ended.size)
