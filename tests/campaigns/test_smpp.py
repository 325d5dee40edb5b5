"""A campaign over SMPP where SMSCs are at their strangest, and what comes over the session while nothing is sent."""

import pytest
from temporalio.client import WorkflowExecutionStatus

from heliograph.contracts import listen_workflow_id
from heliograph.domain.ledger import MessageState
from heliograph.services import connectors
from heliograph.simulator.script import AccountScript, Script, SmscManner
from heliograph.simulator.smsc import Spoken
from tests.campaigns.routes import SMPP
from tests.campaigns.stage import Stage, until

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

_LONG = "Привет, {{ first_name }}! " + "Весенняя коллекция уже здесь, скидка до воскресенья. " * 3
_ANSWER = "Ich möchte keine weiteren Nachrichten von Ihnen bekommen, bitte löschen Sie meine Nummer. " * 3


async def test_texts_of_several_parts_are_delivered_by_receipts_in_the_other_base(stage: Stage) -> None:
    rehearsal = await stage.rehearse(200, through=SMPP, body=_LONG)
    manner = SmscManner(ids="hexadecimal_then_decimal", receipts="sparse")
    await stage.follow(Script(accounts={rehearsal.account_sid: AccountScript(smsc=manner)}))
    await rehearsal.launch()
    await rehearsal.until_closed()
    states = {state: count for state, count in (await rehearsal.states()).items() if count}
    assert states == {MessageState.DELIVERED: 200}
    assert await rehearsal.accepted() == 600  # three parts each


async def test_a_connector_is_listened_to_from_its_first_credentials_until_it_is_deleted(stage: Stage) -> None:
    rehearsal = await stage.rehearse(1, through=SMPP)
    pool = stage.services.database.pool
    made = await connectors.list_connectors(stage.services, rehearsal.actor)
    (connector,) = [each for each in made if each.provider == "smpp"]

    async def heard() -> bool:
        body: str = await pool.fetchval("SELECT body FROM inbound_message WHERE connector_id = $1", connector.id)
        return body == _ANSWER

    async def suppressed() -> bool:
        row = await pool.fetchval("SELECT id FROM suppression WHERE workspace_id = $1", connector.workspace_id)
        return row is not None

    await stage.simulator.speak(_spoken(rehearsal.account_sid, _ANSWER))
    await until(heard, "the parts of an inbound message, joined")
    await stage.simulator.speak(_spoken(rehearsal.account_sid, "STOP"))
    await until(suppressed, "a STOP that suppresses")

    await connectors.delete_connector(stage.services, rehearsal.actor, connector.id)
    handle = stage.services.temporal.get_workflow_handle(listen_workflow_id(connector.id))

    async def ended() -> bool:
        return (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED

    await until(ended, "the end of the listener")


def _spoken(account: str, body: str) -> Spoken:
    return Spoken(account=account, person="+447400123456", to="+14155550100", body=body, parts_reversed=True)
