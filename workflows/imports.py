"""One file into one audience. The ledger holds the position; this keeps an import going until it has ended."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.imports import ImportActivities
    from heliograph.contracts import ImportInput, ImportResult

_HEARTBEAT = timedelta(seconds=30)
_LONGEST = timedelta(days=1)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=15))


@workflow.defn
class ImportWorkflow:
    """Ends with what was imported; a file that cannot be read is an answer (`error`), not a failure."""

    @workflow.run
    async def run(self, input: ImportInput) -> ImportResult:
        """Imports the file."""
        workflow.set_current_details("Reading the file. Rows and per cent stand in the activity's heartbeat.")
        result = await workflow.execute_activity_method(
            ImportActivities.import_audience,
            input,
            start_to_close_timeout=_LONGEST,
            heartbeat_timeout=_HEARTBEAT,
            retry_policy=_RETRY,
            summary="read the file into the audience",
        )
        workflow.set_current_details(_report(result))
        return result


def _report(result: ImportResult) -> str:
    outcome = "**Completed**" if result.error is None else f"**Failed**: {result.error}"
    return (
        f"{outcome}\n\n- rows: {result.rows_added:,} ({result.duplicates:,} repeat a number)"
        f"\n- rejected: {result.rows_rejected:,}"
    )
