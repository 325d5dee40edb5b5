"""The dispatcher: a workflow without end that keeps the outbox told."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.dispatch import DispatchActivities


@workflow.defn
class DispatchWorkflow:
    """One per installation, started by every worker of the lane `control`; each round is one long activity."""

    @workflow.run
    async def run(self) -> None:
        """Rounds, then a fresh history."""
        told = 0
        while not workflow.info().is_continue_as_new_suggested():
            workflow.set_current_details(
                f"Tells what commits left in the outbox: starts of imports and campaigns, progress. "
                f"Told in finished rounds: {told}; the round under way counts in the heartbeat of its pending activity."
            )
            result = await workflow.execute_activity_method(
                DispatchActivities.dispatch_outbox,
                start_to_close_timeout=timedelta(minutes=20),
                heartbeat_timeout=timedelta(seconds=10),
                retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=5)),
                summary="tell outbox rows as they come",
            )
            told += result.told
        workflow.continue_as_new()
