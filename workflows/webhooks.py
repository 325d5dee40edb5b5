"""Callbacks to our users: a workflow without end per webhook that tells what is queued, and one that wakes them."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.webhooks import WebhookActivities
    from heliograph.contracts import WEBHOOKS_QUEUE, WebhookInput, WebhookResult
    from heliograph.temporal.details import webhook_details


@workflow.defn
class WebhookWorkflow:
    """One per webhook, started when it first has something to tell. Asleep it holds no slot and costs nothing."""

    def __init__(self) -> None:
        self._wanted = False

    @workflow.signal
    def wake(self) -> None:
        """There is something to tell, and the endpoint may be tried."""
        self._wanted = True

    @workflow.run
    async def run(self, work: WebhookInput) -> None:
        """Rounds, each when it is woken, then a fresh history. Ends when the webhook is deleted."""
        told = 0
        result: WebhookResult | None = None
        self._wanted = True
        while not workflow.info().is_continue_as_new_suggested():
            workflow.set_current_details(webhook_details(result, told=told))
            await workflow.wait_condition(lambda: self._wanted)
            self._wanted = False
            result = await workflow.execute_activity_method(
                WebhookActivities.tell_webhook,
                work,
                task_queue=WEBHOOKS_QUEUE,
                start_to_close_timeout=timedelta(minutes=10),
                heartbeat_timeout=timedelta(seconds=15),
                retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
                summary="tell what is queued",
            )
            told += result.told
            if result.gone:
                return
        workflow.continue_as_new(work)


@workflow.defn
class WebhookWatchWorkflow:
    """One per installation, started by every worker of the lane `control`; each round is one long activity."""

    @workflow.run
    async def run(self) -> None:
        """Rounds, then a fresh history."""
        last = "nothing yet"
        while not workflow.info().is_continue_as_new_suggested():
            workflow.set_current_details(
                f"Looks which campaigns have a callback due, and wakes webhooks that have something to tell. "
                f"Last round: {last}."
            )
            result = await workflow.execute_activity_method(
                WebhookActivities.watch_webhooks,
                start_to_close_timeout=timedelta(minutes=20),
                heartbeat_timeout=timedelta(seconds=15),
                retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=5)),
                summary="look once a second",
            )
            last = f"{result.campaign_callbacks} callbacks of campaigns, {result.woken} webhooks woken"
        workflow.continue_as_new()
