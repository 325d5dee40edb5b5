"""One report into one file. The ledger holds the position; this keeps an export going until it has ended."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.exports import ExportActivities
    from heliograph.contracts import ExportInput, ExportResult

_HEARTBEAT = timedelta(seconds=30)
_LONGEST = timedelta(days=1)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=15))


@workflow.defn
class ExportWorkflow:
    """Ends with what was written. What stops an export (a full disk, a lost database) is tried again until it does."""

    @workflow.run
    async def run(self, input: ExportInput) -> ExportResult:
        """Writes the file."""
        workflow.set_current_details("Writing the file. Rows and per cent stand in the activity's heartbeat.")
        result = await workflow.execute_activity_method(
            ExportActivities.export_report,
            input,
            start_to_close_timeout=_LONGEST,
            heartbeat_timeout=_HEARTBEAT,
            retry_policy=_RETRY,
            summary="write the report into a file",
        )
        workflow.set_current_details(f"**Completed**\n\n- rows: {result.rows:,}\n- bytes: {result.size:,}")
        return result
