"""The workflow of a webhook: asleep until it is woken, one round at a time, gone with its webhook."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from temporalio import activity
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.worker import Worker

from heliograph.contracts import WEBHOOKS_QUEUE, Lane, WebhookInput, WebhookResult, webhook_workflow_id
from heliograph.ids import new_id
from heliograph.services.starting import wake_webhook
from tests.workflows.conftest import SkippingTime
from workflows.webhooks import WebhookWorkflow


class StubPump:
    """Counts rounds; each lasts until it is let go."""

    def __init__(self) -> None:
        self.rounds = 0
        self.gone = False
        self.go_on = asyncio.Event()
        self.go_on.set()

    @activity.defn
    async def tell_webhook(self, work: WebhookInput) -> WebhookResult:
        self.rounds += 1
        await self.go_on.wait()
        return WebhookResult(told=10, gone=self.gone, host="shop.example", trouble="answered HTTP 503")

    async def until(self, rounds: int) -> None:
        async with asyncio.timeout(20):
            while self.rounds < rounds:  # noqa: ASYNC110 - the stub is asked, not told
                await asyncio.sleep(0.02)


@asynccontextmanager
async def webhook(time: SkippingTime, pump: StubPump) -> AsyncIterator[tuple[WorkflowHandle[Any, Any], WebhookInput]]:
    client, work = time.environment.client, WebhookInput(webhook_id=new_id())
    async with AsyncExitStack() as workers:
        for options in (
            {"task_queue": Lane.CONTROL, "workflows": [WebhookWorkflow]},
            {"task_queue": WEBHOOKS_QUEUE, "activities": [pump.tell_webhook]},
        ):
            worker = Worker(client, **options, max_cached_workflows=time.max_cached_workflows)  # type: ignore[arg-type]
            await workers.enter_async_context(worker)
        await wake_webhook(client, work.webhook_id)
        yield client.get_workflow_handle(webhook_workflow_id(work.webhook_id)), work


async def test_it_sleeps_between_rounds_and_each_wake_is_one_more(skipping_time: SkippingTime) -> None:
    pump = StubPump()
    async with webhook(skipping_time, pump) as (handle, work):
        await pump.until(1)
        await asyncio.sleep(0.5)
        assert pump.rounds == 1
        await wake_webhook(skipping_time.environment.client, work.webhook_id)
        await pump.until(2)
        assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING


async def test_what_wakes_it_during_a_round_is_not_lost(skipping_time: SkippingTime) -> None:
    pump = StubPump()
    pump.go_on.clear()
    async with webhook(skipping_time, pump) as (_, work):
        await pump.until(1)
        for _ in range(3):
            await wake_webhook(skipping_time.environment.client, work.webhook_id)
        pump.go_on.set()
        await pump.until(2)
        await asyncio.sleep(0.5)
        assert pump.rounds == 2


async def test_it_ends_with_its_webhook_and_starts_anew_if_it_is_woken_again(skipping_time: SkippingTime) -> None:
    pump = StubPump()
    pump.gone = True
    async with webhook(skipping_time, pump) as (handle, work):
        await handle.result()
        await wake_webhook(skipping_time.environment.client, work.webhook_id)
        await pump.until(2)


async def test_its_page_says_who_is_told_and_what_is_the_trouble(skipping_time: SkippingTime) -> None:
    pump = StubPump()
    async with webhook(skipping_time, pump) as (handle, _):
        await pump.until(1)
        async with asyncio.timeout(20):
            while True:
                metadata: WorkflowMetadata = await handle.query(
                    "__temporal_workflow_metadata", result_type=WorkflowMetadata
                )
                if "shop.example" in metadata.current_details:
                    break
    assert "answered HTTP 503" in metadata.current_details
