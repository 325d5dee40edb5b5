"""Campaigns that name no sender: spread over connectors by weight, and carried on by another when one fails."""

from uuid import UUID

import pytest

from heliograph.domain.health import HealthState
from heliograph.domain.vocabulary import Category, Channel
from heliograph.ids import new_id
from heliograph.services import campaigns, connectors, routes, senders
from heliograph.services.routes import WantedRoute
from heliograph.simulator.script import AccountScript, AnswerKind, Match, Rule, Script, SendAnswer
from tests.campaigns.rehearsal import Rehearsal
from tests.campaigns.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def with_two_connectors(
    stage: Stage, recipients: int, *, first: WantedRoute, second: WantedRoute
) -> tuple[Rehearsal, str]:
    """A rehearsal whose campaign names no sender; its workspace has a second account, which is named
    too. The senders of the routes are filled in here."""
    rehearsal, account_sid = await stage.rehearse(recipients), f"AC{new_id().hex}"
    services, actor = stage.services, rehearsal.actor
    other = await connectors.create_connector(services, actor, provider_key="twilio", channel=Channel.SMS)
    await connectors.save_credentials(services, actor, other.id, {"account_sid": account_sid, "auth_token": "5" * 32})
    sender = await senders.create_sender(
        services,
        actor,
        connector_id=other.id,
        kind="long_code",
        address="+14155550111",
        category=Category.PROMOTIONAL,
    )
    ways = [
        WantedRoute(rehearsal.sender_id, first.priority, first.weight),
        WantedRoute(sender.id, second.priority, second.weight),
    ]
    await routes.replace_routes(services, actor, Channel.SMS, Category.PROMOTIONAL, ways)
    found = await campaigns.get_campaign(services, actor, rehearsal.campaign_id)
    assert found.settings.sender_id is None
    return rehearsal, account_sid


ANY = UUID(int=0)


async def test_weights_spread_a_campaign_over_two_accounts(stage: Stage) -> None:
    rehearsal, other_account = await with_two_connectors(
        stage, 2_000, first=WantedRoute(ANY, weight=1), second=WantedRoute(ANY, weight=1)
    )
    await rehearsal.launch()
    await rehearsal.until_closed()
    ours = await stage.simulator.accepted_count(account=rehearsal.account_sid)
    theirs = await stage.simulator.accepted_count(account=other_account)
    assert ours + theirs == 2_000
    assert min(ours, theirs) > 200
    assert (await rehearsal.states()) == {
        **await rehearsal.states(),
    }


async def test_a_suspended_account_is_shut_and_the_other_carries_on(stage: Stage) -> None:
    rehearsal, other_account = await with_two_connectors(
        stage, 1_000, first=WantedRoute(ANY, priority=1), second=WantedRoute(ANY, priority=2)
    )
    await stage.follow(Script(accounts={rehearsal.account_sid: AccountScript(status="suspended")}))
    await rehearsal.launch()
    await rehearsal.until_closed()
    assert await stage.simulator.accepted_count(account=other_account) == 1_000
    assert await stage.simulator.accepted_count(account=rehearsal.account_sid) == 0
    ways = await routes.list_routes(stage.services, rehearsal.actor)
    assert ways[0].health.state is not HealthState.HEALTHY
    tries = await stage.services.database.pool.fetch(
        """
        SELECT attempt.connector_id AS first, message.connector_id AS second, attempt.error_class::text AS why
        FROM attempt JOIN message ON message.id = attempt.message_id
        WHERE message.run_id = $1
        """,
        (await rehearsal.run())["id"],
    )
    assert tries, "some messages were tried at the suspended account first"
    assert {each["why"] for each in tries} == {"account"}
    assert all(each["first"] != each["second"] for each in tries)
    await stage.follow(Script())


async def test_what_may_have_been_accepted_is_never_tried_elsewhere(stage: Stage) -> None:
    rehearsal, other_account = await with_two_connectors(
        stage, 400, first=WantedRoute(ANY, priority=1), second=WantedRoute(ANY, priority=2)
    )
    dropped = SendAnswer(kind=AnswerKind.DROP, accepted=True)
    await stage.follow(Script(rules=[Rule(match=Match(account=rehearsal.account_sid), answer=dropped)]))
    await rehearsal.launch()
    await rehearsal.until_closed()
    await stage.follow(Script())
    mine = {message.to async for message in stage.simulator.accepted_messages(account=rehearsal.account_sid)}
    others = {message.to async for message in stage.simulator.accepted_messages(account=other_account)}
    assert mine
    assert not mine & others
    assert len(mine | others) == 400
