"""Providers that report nothing by themselves, through the whole stack: a durable workflow asks them."""

import pytest
from temporalio.client import WorkflowExecutionStatus

from heliograph.domain.ledger import MessageState
from heliograph.simulator.script import AccountScript, Delivery, Failure, Fixed, Receipts, Script
from tests.campaigns.polled import rehearse_polled
from tests.campaigns.routes import IP2SMS
from tests.campaigns.stage import Stage, until

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def test_direct_messages_are_polled_until_their_final_word_and_then_polling_ends(stage: Stage) -> None:
    await stage.follow(Script(delivery=Delivery(delivered=0.9, undelivered={30005: 0.1})))
    rehearsal = await rehearse_polled(stage)
    await rehearsal.queue(300)

    async def all_final() -> bool:
        states = await rehearsal.states()
        return states["delivered"] + states["undelivered"] == 300

    await until(all_final, "polls bring every final word")
    assert set((await rehearsal.taken()).values()) == {1}

    async def ended() -> bool:
        return await rehearsal.polling() is WorkflowExecutionStatus.COMPLETED

    await until(ended, "nothing is awaited any more")
    left = await stage.services.database.pool.fetchval(
        "SELECT count(*) FROM direct_message WHERE workspace_id = $1", rehearsal.actor.workspace_id
    )
    assert left == 0


async def test_a_provider_that_is_away_for_a_while_is_polled_when_it_is_back(stage: Stage) -> None:
    rehearsal = await rehearse_polled(stage)
    away = AccountScript(failure=Failure(status=503))
    await stage.follow(Script(accounts={rehearsal.account: away}))
    await rehearsal.queue(100)
    await rehearsal.until(accepted=100)

    async def polling() -> bool:
        return await rehearsal.polling() is WorkflowExecutionStatus.RUNNING

    await until(polling, "polling begins")
    assert (await rehearsal.states())["accepted"] == 100
    await stage.follow(Script())
    await stage.services.database.pool.execute(  # the pause after an outage is a minute
        "UPDATE direct_message SET due_at = now() WHERE workspace_id = $1", rehearsal.actor.workspace_id
    )
    await rehearsal.until(delivered=100)


async def test_a_run_is_polled_long_before_its_own_polls(stage: Stage) -> None:
    await stage.follow(Script(receipts=Receipts(to_sent=Fixed(seconds=1), to_final=Fixed(seconds=4))))
    rehearsal = await stage.rehearse(500, through=IP2SMS)
    await rehearsal.launch()
    (await rehearsal.proven()).only(delivered=500)
    assert (await rehearsal.states()) == {MessageState.DELIVERED: 500}
