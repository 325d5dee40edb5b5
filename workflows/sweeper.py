"""The sweeper: a workflow without end that settles what crashes leave behind."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.sweeper import SweeperActivities


@workflow.defn
class SweeperWorkflow:
    """One per installation, started by every worker of the lane `control`; each round is one long activity."""

    @workflow.run
    async def run(self) -> None:
        """Rounds, then a fresh history."""
        last = "nothing yet"
        while not workflow.info().is_continue_as_new_suggested():
            workflow.set_current_details(
                f"Settles expired leases, messages in doubt, parked receipts and open runs without a workflow; looks "
                f"after direct messages; starts the polling of providers. Last round: {last}."
            )
            result = await workflow.execute_activity_method(
                SweeperActivities.sweep,
                start_to_close_timeout=timedelta(minutes=20),
                heartbeat_timeout=timedelta(seconds=15),
                retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=5)),
                summary="sweep every few seconds",
            )
            last = (
                f"{result.settled} leases, {result.resolved} in doubt, {result.joined} parked receipts, "
                f"{result.restarted} workflows, {result.ended} direct messages ended"
            )
        workflow.continue_as_new()
