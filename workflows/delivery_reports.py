"""Delivery reports for a message broker: a workflow without end, while a broker is configured."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.delivery_reports import DeliveryReportActivities


@workflow.defn
class DeliveryReportWorkflow:
    """One per installation, started by every worker of the lane `control` where a broker is configured."""

    @workflow.run
    async def run(self) -> None:
        """Rounds, then a fresh history; it ends when the broker is taken out of the configuration."""
        told = 0
        while not workflow.info().is_continue_as_new_suggested():
            workflow.set_current_details(
                "Tells the message broker how messages of the SMS connector API ended. While the broker is away, the "
                f"reports wait. Told in finished rounds: {told}; the round under way counts in the heartbeat of its "
                "pending activity."
            )
            result = await workflow.execute_activity_method(
                DeliveryReportActivities.send_delivery_reports,
                start_to_close_timeout=timedelta(minutes=20),
                heartbeat_timeout=timedelta(seconds=15),
                retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=5)),
                summary="tell the broker as messages end",
            )
            if not result.configured:
                return
            told += result.told
        workflow.continue_as_new()
