"""Who writes STOP to a sender gets nothing of the next campaign, and is counted; who comes back with START does."""

import pytest

from heliograph.services import connectors, opt_out
from heliograph.simulator.twilio_inbound import Inbound
from tests.campaigns.rehearsal import Rehearsal
from tests.campaigns.stage import Stage, until

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

SENDER = "+14155550100"


async def write(rehearsal: Rehearsal, person: str, body: str, **more: str) -> None:
    """The person writes to the campaign's sender; Twilio hands it on to the connector's address."""
    (connector, *_) = await connectors.list_connectors(rehearsal.services, rehearsal.actor)
    url = connectors.inbound_url(rehearsal.services, rehearsal.actor, connector)
    fields = {"account": rehearsal.account_sid, "url": url, "person": person, "to": SENDER, "body": body, **more}
    await rehearsal.simulator.receive(Inbound.model_validate(fields))


async def recipients(rehearsal: Rehearsal, count: int) -> list[str]:
    """The first of the audience."""
    rows = await rehearsal.services.database.pool.fetch(
        "SELECT address FROM audience_row WHERE workspace_id = $1 ORDER BY number LIMIT $2",
        rehearsal.actor.workspace_id,
        count,
    )
    return [row["address"] for row in rows]


async def until_heard(rehearsal: Rehearsal, count: int) -> None:
    async def all_stand_stored() -> bool:
        stored = await rehearsal.services.database.pool.fetchval(
            "SELECT count(*) FROM inbound_message WHERE workspace_id = $1", rehearsal.actor.workspace_id
        )
        return bool(stored == count)

    await until(all_stand_stored, f"{count} messages from people")


async def test_who_writes_stop_is_excluded_and_counted_and_who_writes_start_is_back(stage: Stage) -> None:
    rehearsal = await stage.rehearse(300)
    leaves, returns, told_by_twilio, asks = await recipients(rehearsal, 4)
    await write(rehearsal, leaves, "STOP", sid="SM" + "a" * 32)
    await write(rehearsal, leaves, "STOP", sid="SM" + "a" * 32)  # Twilio repeats it
    await write(rehearsal, returns, "Stop")
    await write(rehearsal, told_by_twilio, "Genug!", opt_out_type="STOP")
    await write(rehearsal, asks, "STOP PLEASE")
    await until_heard(rehearsal, 4)
    await write(rehearsal, returns, "START")
    await until_heard(rehearsal, 5)
    await rehearsal.launch()
    proof = await rehearsal.proven()
    proof.only(delivered=298, suppressed=2)
    assert proof.reasons["opt_out"] == 2
    sent_to = {message.to for message in proof.log}
    assert {returns, asks} <= sent_to
    assert not {leaves, told_by_twilio} & sent_to


async def test_help_is_answered_by_a_message_of_its_own(stage: Stage) -> None:
    rehearsal = await stage.rehearse(1)
    person = "+14155550123"
    rules = await opt_out.get_opt_out_rules(rehearsal.services, rehearsal.actor)
    english = rules.languages["en"].model_copy(update={"help_reply": "Call 555-0100."})
    changed = rules.model_copy(update={"languages": {**rules.languages, "en": english}})
    await opt_out.save_opt_out_rules(rehearsal.services, rehearsal.actor, changed)
    await write(rehearsal, person, "HELP")
    await rehearsal.until_accepted(1)
    (reply,) = await rehearsal.log()
    assert (reply.to, reply.sender, reply.body) == (person, SENDER, "Call 555-0100.")
