"""What a campaign's workflow asks of activities, each with its time limits, its retries and its line for the UI."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.campaigns import CampaignActivities
    from activities.receipts import ReceiptActivities
    from activities.sending import SendingActivities
    from heliograph.contracts import (
        LANE_OF_CATEGORY,
        ChangeSpeed,
        ChangeStatus,
        Closing,
        DiscardQueued,
        PollInput,
        RunFigures,
        RunPlan,
        RunReference,
        SendBatchInput,
        SendBatchResult,
    )
    from heliograph.domain.batches import BatchRange
    from heliograph.domain.ledger import MessageState
    from heliograph.domain.vocabulary import Category, RunStatus

_SHORT = timedelta(minutes=2)
_LONG = timedelta(hours=2)
_HEARTBEAT = timedelta(seconds=20)
_CHUNK_HEARTBEAT = timedelta(minutes=2)  # between two chunks of a freeze or a discard
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=15))
_BATCH_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=15), maximum_attempts=60
)


class CampaignSteps:
    """The steps of one run. Holds nothing but its ids."""

    def __init__(self, run: RunReference) -> None:
        self._run = run
        self._ids = {"workspace_id": run.workspace_id, "run_id": run.run_id}

    async def load_plan(self) -> RunPlan:
        """The run as the ledger has it."""
        return await workflow.execute_activity_method(
            CampaignActivities.load_plan,
            self._run,
            start_to_close_timeout=_SHORT,
            retry_policy=_RETRY,
            summary="read the run from the ledger",
        )

    async def freeze(self, recipients: int) -> RunFigures:
        """Every recipient in the ledger."""
        return await workflow.execute_activity_method(
            CampaignActivities.freeze_run,
            self._run,
            start_to_close_timeout=_LONG,
            heartbeat_timeout=_CHUNK_HEARTBEAT,
            retry_policy=_RETRY,
            summary=f"write {recipients} recipients into the ledger",
        )

    async def send(self, plan: RunPlan, batch: BatchRange) -> SendBatchResult:
        """One batch on the lane of its category."""
        urgent = plan.category is not Category.PROMOTIONAL
        return await workflow.execute_activity_method(
            SendingActivities.send_batch,
            SendBatchInput(**self._ids, wave=batch.wave, first=batch.first, last=batch.last),
            task_queue=LANE_OF_CATEGORY[plan.category],
            start_to_close_timeout=timedelta(minutes=30),
            heartbeat_timeout=_HEARTBEAT,
            retry_policy=_BATCH_RETRY,
            priority=Priority(priority_key=2 if urgent else 4, fairness_key=str(plan.campaign_id)),
            summary=f"send recipients {batch.first} to {batch.last}",
        )

    async def read_figures(self) -> RunFigures:
        """The counts as they stand."""
        return await workflow.execute_activity_method(
            CampaignActivities.read_figures,
            self._run,
            start_to_close_timeout=_SHORT,
            retry_policy=_RETRY,
            summary="count the states",
        )

    async def unfinished_ranges(self) -> list[BatchRange]:
        """Ranges that still hold queued messages, so that none is forgotten."""
        return await workflow.execute_activity_method(
            CampaignActivities.unfinished_ranges,
            self._run,
            start_to_close_timeout=_LONG,
            retry_policy=_RETRY,
            summary="does the ledger hold anything that is still queued?",
        )

    async def seconds_of_open_claims(self) -> float:
        """How long a claim of a lost worker can still be alive."""
        return await workflow.execute_activity_method(
            CampaignActivities.seconds_of_open_claims,
            self._run,
            start_to_close_timeout=_SHORT,
            retry_policy=_RETRY,
            summary="is anything still claimed?",
        )

    async def poll(self) -> None:
        """Asks the provider for what no receipt has told."""
        await workflow.execute_activity_method(
            ReceiptActivities.poll_receipts,
            PollInput(**self._ids),
            start_to_close_timeout=_LONG,
            heartbeat_timeout=timedelta(minutes=1),
            retry_policy=_RETRY,
            summary="ask the provider for what no receipt has told",
        )

    async def discard_queued(self, state: MessageState, reason: str) -> RunFigures:
        """Takes out what was never tried."""
        return await workflow.execute_activity_method(
            CampaignActivities.discard_queued,
            DiscardQueued(**self._ids, state=state, reason=reason),
            start_to_close_timeout=_LONG,
            heartbeat_timeout=_CHUNK_HEARTBEAT,
            retry_policy=_RETRY,
            summary=f"what was never tried becomes {state.value}",
        )

    async def change_status(self, status: RunStatus, reason: str | None) -> RunStatus:
        """Moves the run in the ledger, which workers read before every claim; the status it has now."""
        return await workflow.execute_activity_method(
            CampaignActivities.change_status,
            ChangeStatus(**self._ids, status=status, reason=reason),
            start_to_close_timeout=_SHORT,
            retry_policy=_RETRY,
            summary=f"the run becomes {status.value}",
        )

    async def change_speed(self, messages_per_second: float | None) -> None:
        """Sets the run's own limit."""
        await workflow.execute_activity_method(
            CampaignActivities.change_speed,
            ChangeSpeed(**self._ids, messages_per_second=messages_per_second),
            start_to_close_timeout=_SHORT,
            retry_policy=_RETRY,
            summary=f"speed limit {messages_per_second or 'none'}",
        )

    async def close(self) -> Closing:
        """The books compared, the totals frozen."""
        return await workflow.execute_activity_method(
            CampaignActivities.close_run,
            self._run,
            start_to_close_timeout=_LONG,
            retry_policy=_RETRY,
            summary="count the ledger, compare the books, freeze the totals",
        )
