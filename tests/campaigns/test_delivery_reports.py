"""The SMS connector API from end to end (E1, E4): called over HTTP, sent by workers, told to a real ActiveMQ."""

import asyncio
from pathlib import Path

import pytest
from pyreqwest.client import ClientBuilder

from heliograph.domain.vocabulary import Category
from heliograph.services import connectors, senders
from heliograph.services.context import Actor, Services
from heliograph.simulator.script import Delivery, Match, Rule, Script
from tests.campaigns.stage import SHORT_TIMES, open_stage
from tests.services.broker import a_broker, body_of

pytestmark = pytest.mark.slow

REACHED, UNREACHED = "+14155550123", "+14155550124"
SECRET = "of-the-caller"


async def furnish(services: Services, actor: Actor) -> None:
    """The first workspace gets an account and a sender."""
    (connector, *_) = await connectors.list_connectors(services, actor)
    account = {"account_sid": "AC" + "7" * 32, "auth_token": "7" * 32}
    await connectors.save_credentials(services, actor, connector.id, account)
    await senders.create_sender(
        services,
        actor,
        connector_id=connector.id,
        kind="long_code",
        address="+12015550123",
        category=Category.TRANSACTIONAL,
    )


async def test_what_is_sent_by_the_api_is_told_on_the_queue_with_its_end(tmp_path: Path) -> None:
    with a_broker(tmp_path / "activemq") as broker:
        await asyncio.to_thread(broker.start)
        environment = {
            **SHORT_TIMES,
            "HELIOGRAPH_MSG_CLIENT_WORKSPACE": "Main",
            "HELIOGRAPH_MSG_CLIENT_SECRETS": f"caller:{SECRET}",
            "HELIOGRAPH_DELIVERY_REPORT_BROKER": broker.address,
        }
        async with open_stage(tmp_path / "stack", environment) as stage:
            await furnish(stage.services, stage.owner)
            unreached = Rule(match=Match(numbers=[UNREACHED]), delivery=Delivery(delivered=0, undelivered={30003: 1}))
            await stage.follow(Script(rules=[unreached]))
            assert stage.stack.doors.api is not None
            async with ClientBuilder().base_url(stage.stack.doors.api).build() as caller:
                sids = {}
                for to in (REACHED, UNREACHED):
                    request = caller.post("/msg-client/send").header("Authorization", f"Bearer {SECRET}")
                    answer = await request.body_json({"To": to, "Body": "Hello", "channel": "smpp"}).build().send()
                    assert answer.status == 200
                    sids[answer.headers["message-sid"]] = to
            told = [body_of(message) for message in await broker.take(2, selector="JMSType='smpp'", seconds=120)]
    by_number = {sids[each["MessageSID"]]: (each["DeliveryStatus"], each["ProviderStatusCode"]) for each in told}
    assert by_number == {REACHED: ("DELIVERED", "delivered"), UNREACHED: ("FAILED", "30003")}
