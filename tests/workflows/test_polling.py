"""Polling of a connector over hours: passes, pauses that grow, calls, and its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.worker import Worker

from heliograph.contracts import (
    Lane,
    PollingInput,
    PollingPass,
    PollingPassResult,
    PollingPlace,
    polling_workflow_id,
)
from heliograph.ids import new_id
from tests.workflows.conftest import SkippingTime
from workflows.polling import PollingWorkflow

PAUSE = timedelta(seconds=30)
WORK = PollingInput(workspace_id=new_id(), connector_id=new_id(), provider="ip2sms")
THE_END = PollingPassResult(
    asked=0, answered=0, moved=0, until=datetime(2026, 1, 1, tzinfo=UTC), through=True, pause=PAUSE
)
IDLE = THE_END.model_copy(update={"awaited": True})
BUSY = IDLE.model_copy(update={"asked": 5, "answered": 5})
AWAY = IDLE.model_copy(update={"asked": 5, "through": False, "away": True})


@dataclass
class StubPolling:
    """Answers each pass with the next of `results`, and remembers when it was asked for what."""

    results: list[PollingPassResult]
    asked: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))  # released with each pass
    passes: list[PollingPass] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)

    @activity.defn
    async def poll_connector(self, work: PollingPass) -> PollingPassResult:
        """The next result."""
        self.passes.append(work)
        self.times.append(activity.info().started_time)
        self.asked.release()
        return self.results[len(self.passes) - 1]

    @property
    def pauses(self) -> list[float]:
        """Seconds between the passes."""
        return [round((after - before).total_seconds()) for before, after in pairwise(self.times)]


@asynccontextmanager
async def polling(
    skipping_time: SkippingTime, *results: PollingPassResult
) -> AsyncIterator[tuple[StubPolling, WorkflowHandle[PollingWorkflow, None]]]:
    """The workflow with a worker whose passes come out like this."""
    stub = StubPolling(list(results))
    client = skipping_time.environment.client
    async with Worker(
        client,
        task_queue=Lane.CONTROL,
        workflows=[PollingWorkflow],
        activities=[stub.poll_connector],
        max_cached_workflows=skipping_time.max_cached_workflows,
    ):
        yield (
            stub,
            await client.start_workflow(
                PollingWorkflow.run, WORK, id=polling_workflow_id(new_id()), task_queue=Lane.CONTROL
            ),
        )


async def test_polling_ends_when_nothing_is_awaited(skipping_time: SkippingTime) -> None:
    async with polling(skipping_time, BUSY, THE_END) as (stub, workflow):
        await workflow.result()
    assert stub.pauses == [30]


async def test_pauses_grow_while_nothing_is_answered_up_to_five_minutes(skipping_time: SkippingTime) -> None:
    async with polling(skipping_time, *[IDLE] * 6, BUSY, IDLE, THE_END) as (stub, workflow):
        await workflow.result()
    assert stub.pauses == [30, 60, 120, 240, 300, 300, 30, 60]


async def test_a_pass_covers_what_grew_old_enough_since_the_last_whole_one(skipping_time: SkippingTime) -> None:
    began = datetime(2026, 1, 2, tzinfo=UTC)
    first = BUSY.model_copy(update={"until": began})
    async with polling(skipping_time, first, THE_END) as (stub, workflow):
        await workflow.result()
    assert [each.since for each in stub.passes] == [None, began]
    assert all(each.until is None for each in stub.passes)


async def test_a_pass_that_had_to_stop_goes_on_at_once_where_it_was(skipping_time: SkippingTime) -> None:
    place = PollingPlace(run_id=new_id(), wave=1, number=4_711)
    stopped = BUSY.model_copy(update={"through": False, "place": place})
    async with polling(skipping_time, stopped, THE_END) as (stub, workflow):
        await workflow.result()
    assert stub.pauses == [0]
    assert stub.passes[1].place == place
    assert stub.passes[1].until == stopped.until
    assert stub.passes[1].since is None


async def test_while_the_provider_is_away_the_pass_waits_and_is_not_given_up(skipping_time: SkippingTime) -> None:
    async with polling(skipping_time, *[AWAY] * 4, THE_END) as (stub, workflow):
        await workflow.result()
    assert stub.pauses == [30, 60, 120, 240]
    assert {each.until for each in stub.passes[1:]} == {AWAY.until}


async def test_a_direct_message_that_is_due_ends_the_pause(skipping_time: SkippingTime) -> None:
    async with polling(skipping_time, IDLE, *[IDLE] * 5, THE_END) as (stub, workflow):
        with skipping_time.environment.auto_time_skipping_disabled():
            await stub.asked.acquire()
            await workflow.signal(PollingWorkflow.look)
            await stub.asked.acquire()
        await workflow.result()
    assert stub.pauses[0] < 30
