"""Listening to one connector: rounds of an open connection, until the connector is deleted or has no credentials."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.listening import ListeningActivities
    from heliograph.contracts import ListenInput


@workflow.defn
class ListenWorkflow:
    """One per connector whose provider tells things over an open connection; started by the sweeper."""

    @workflow.run
    async def run(self, work: ListenInput) -> None:
        """Rounds, then a fresh history."""
        workflow.set_current_details(
            f"Keeps a connection of the connector `{work.connector_id}` ({work.provider}) open: receipts and messages "
            "from people come over it, also while nothing is sent."
        )
        while not workflow.info().is_continue_as_new_suggested():
            result = await workflow.execute_activity_method(
                ListeningActivities.listen,
                work,
                start_to_close_timeout=timedelta(minutes=20),
                heartbeat_timeout=timedelta(seconds=15),
                retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=5)),
                summary="keep the connection open",
            )
            if not result.wanted:
                return
        workflow.continue_as_new(work)
