"""Direct messages: a workflow without end per lane that sends what is queued outside campaigns."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.direct import DirectActivities
    from heliograph.contracts import LANE_OF_CATEGORY, DirectInput


@workflow.defn
class DirectWorkflow:
    """One per category, started by every worker of the lane `control`; each round is one activity on its lane."""

    @workflow.run
    async def run(self, work: DirectInput) -> None:
        """Rounds, then a fresh history."""
        sent = 0
        while not workflow.info().is_continue_as_new_suggested():
            workflow.set_current_details(
                f"Sends direct messages of the category {work.category.value} as they come. "
                f"Sent in finished rounds: {sent}; the round under way counts in the heartbeat of its pending activity."
            )
            result = await workflow.execute_activity_method(
                DirectActivities.send_direct,
                work,
                task_queue=LANE_OF_CATEGORY[work.category],
                start_to_close_timeout=timedelta(minutes=20),
                heartbeat_timeout=timedelta(seconds=15),
                retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=2)),
                summary="send direct messages as they come",
            )
            sent += result.sent
        workflow.continue_as_new(work)
