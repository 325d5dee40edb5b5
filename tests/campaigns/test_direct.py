"""Direct messages through the whole stack."""

import pytest

from heliograph.services import messages
from heliograph.simulator.script import AccountScript, Script
from tests.campaigns.direct import rehearse_direct
from tests.campaigns.stage import Stage, until

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def test_queued_messages_are_sent_once_each_and_their_receipts_come(stage: Stage) -> None:
    rehearsal = await rehearse_direct(stage)
    queued = await rehearsal.queue(500)
    await rehearsal.until(delivered=500)
    taken = await rehearsal.log(rehearsal.accounts[0])
    assert len(taken) == 500
    assert set(taken.values()) == {1}
    trace = await messages.trace_message(stage.services, rehearsal.actor, queued[17])
    assert "delivered" in {each["status"] for each in trace.receipts}


async def test_nothing_is_left_to_do_when_all_is_final(stage: Stage) -> None:
    rehearsal = await rehearse_direct(stage)
    await rehearsal.queue(20)
    await rehearsal.until(delivered=20)

    async def nothing_waits() -> bool:
        waiting: int = await stage.services.database.pool.fetchval(
            "SELECT count(*) FROM direct_message WHERE workspace_id = $1", rehearsal.actor.workspace_id
        )
        return waiting == 0

    await until(nothing_waits, "rows of messages that are final go")


async def test_messages_go_around_a_suspended_account(stage: Stage) -> None:
    rehearsal = await rehearse_direct(stage, accounts=2)
    first, second = rehearsal.accounts
    await stage.follow(Script(accounts={first: AccountScript(status="suspended")}))
    queued = await rehearsal.queue(50)
    await rehearsal.until(delivered=50)
    assert len(await rehearsal.log(first)) == 0
    assert set((await rehearsal.log(second)).values()) == {1}
    tries = [await messages.trace_message(stage.services, rehearsal.actor, each) for each in queued]
    tried_twice = [each for each in tries if each.attempts]
    assert tried_twice, "some were tried at the suspended account first"
    for each in tried_twice:
        assert each.attempts[0]["connector_id"] != each.message["connector_id"]
        assert each.attempts[0]["error_class"] == "account"
