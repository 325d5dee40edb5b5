"""The campaign's workflow over days and weeks."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest
from temporalio.client import WorkflowUpdateFailedError

from heliograph.contracts import Closing, PauseRequest
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import RunStatus
from tests.workflows.conftest import SkippingTime
from tests.workflows.stub_ledger import StubLedger
from workflows.campaign import CampaignWorkflow

S = MessageState


def ended(closing: Closing, status: RunStatus, **states: int) -> None:
    assert closing.status is status
    assert {state.value: count for state, count in closing.figures.states.items()} == states


async def test_a_run_a_week_ahead_freezes_shortly_before_and_sends_at_its_time(skipping_time: SkippingTime) -> None:
    start = await skipping_time.now() + timedelta(days=7)
    ledger = StubLedger(await skipping_time.plan(start_at=start))
    async with skipping_time.campaign(ledger) as campaign:
        ended(await campaign.result(), RunStatus.COMPLETED, delivered=2_500)
    (frozen,) = ledger.times("freeze_run")
    assert timedelta(0) < start - frozen < timedelta(hours=1)
    assert min(ledger.times("send_batch")) >= start


async def test_a_run_that_stays_paused_expires_and_closes(skipping_time: SkippingTime) -> None:
    plan = await skipping_time.plan(start_at=await skipping_time.now() + timedelta(hours=1))
    ledger = StubLedger(plan)
    async with skipping_time.campaign(ledger) as campaign:
        await campaign.execute_update(CampaignWorkflow.pause, PauseRequest(reason="lunch"))
        ended(await campaign.result(), RunStatus.COMPLETED, expired=2_500)
    assert ledger.times("send_batch") == []
    assert min(ledger.times("discard_queued")) >= plan.expires_at


async def test_a_run_paused_and_resumed_before_its_time_waits_for_it(skipping_time: SkippingTime) -> None:
    start = await skipping_time.now() + timedelta(hours=1)
    ledger = StubLedger(await skipping_time.plan(start_at=start))
    async with skipping_time.campaign(ledger) as campaign:
        await campaign.execute_update(CampaignWorkflow.pause, PauseRequest())
        await campaign.execute_update(CampaignWorkflow.resume)
        assert ledger.plan.status is RunStatus.SCHEDULED
        ended(await campaign.result(), RunStatus.COMPLETED, delivered=2_500)
    assert min(ledger.times("send_batch")) >= start


async def test_polls_come_ever_more_rarely_until_the_window_closes(skipping_time: SkippingTime) -> None:
    ledger = StubLedger(await skipping_time.plan(), polls_until_delivered=None)
    async with skipping_time.campaign(ledger) as campaign:
        ended(await campaign.result(), RunStatus.COMPLETED, unconfirmed=2_500)
    polls = ledger.times("poll_receipts")
    minutes = [round((later - earlier) / timedelta(minutes=1)) for earlier, later in pairwise(polls)]
    assert minutes[:-1] == [10, 20, 40, 80, 160, 320, 360, 360]  # the last poll comes with the end of the window
    assert minutes[-1] <= 360
    assert ledger.times("close_run")[0] - ledger.times("send_batch")[-1] >= timedelta(days=1)


async def test_a_run_closes_as_soon_as_a_poll_has_found_everything(skipping_time: SkippingTime) -> None:
    ledger = StubLedger(await skipping_time.plan(), polls_until_delivered=3)
    async with skipping_time.campaign(ledger) as campaign:
        ended(await campaign.result(), RunStatus.COMPLETED, delivered=2_500)
    assert len(ledger.times("poll_receipts")) == 3


async def test_a_run_stopped_while_it_waits_for_its_start_sends_nothing(skipping_time: SkippingTime) -> None:
    ledger = StubLedger(await skipping_time.plan(start_at=await skipping_time.now() + timedelta(days=3)))
    async with skipping_time.campaign(ledger) as campaign:
        # The test server can lose an update that meets the very first task; a real one does not.
        while not any(  # noqa: ASYNC110 - a server is asked
            event.HasField("timer_started_event_attributes") for event in (await campaign.fetch_history()).events
        ):
            await asyncio.sleep(0.05)
        answer = await campaign.execute_update(CampaignWorkflow.stop)
        assert answer.never_sent == 2_500
        ended(await campaign.result(), RunStatus.STOPPED, cancelled=2_500)
    assert ledger.times("send_batch") == []


async def test_of_stop_pause_and_resume_at_once_at_the_very_start_none_is_lost(skipping_time: SkippingTime) -> None:
    ledger = StubLedger(await skipping_time.plan(start_at=await skipping_time.now() + timedelta(days=3)))
    async with skipping_time.campaign(ledger) as campaign:
        stopped, *others = await asyncio.gather(
            campaign.execute_update(CampaignWorkflow.stop),
            campaign.execute_update(CampaignWorkflow.pause, PauseRequest()),
            campaign.execute_update(CampaignWorkflow.stop),
            return_exceptions=True,
        )
        answers = [stopped, *others]
        assert all(not isinstance(it, BaseException) or isinstance(it, WorkflowUpdateFailedError) for it in answers)
        ended(await campaign.result(), RunStatus.STOPPED, cancelled=2_500)


async def test_a_run_that_is_closed_already_closes_at_once(skipping_time: SkippingTime) -> None:
    began = await skipping_time.now()
    plan = await skipping_time.plan(status=RunStatus.COMPLETED, frozen=True)
    ledger = StubLedger(plan, states=StubLedger(plan).states)
    ledger.states[S.DELIVERED] = 2_500
    async with skipping_time.campaign(ledger) as campaign:
        ended(await campaign.result(), RunStatus.COMPLETED, delivered=2_500)
    assert [name for name, _ in ledger.heard] == ["close_run"]
    assert ledger.times("close_run")[0] - began < timedelta(hours=1)


async def test_what_is_not_allowed_is_refused_with_the_status(skipping_time: SkippingTime) -> None:
    ledger = StubLedger(await skipping_time.plan(start_at=await skipping_time.now() + timedelta(days=3)))
    async with skipping_time.campaign(ledger) as campaign:
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await campaign.execute_update(CampaignWorkflow.resume)
        assert "cannot resume a run that is SCHEDULED" in str(refused.value.cause)
        await campaign.execute_update(CampaignWorkflow.stop)
        await campaign.result()
