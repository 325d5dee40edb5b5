"""A campaign through each SMS connector, against its simulator, with books that agree with the provider's."""

import pytest

from heliograph.domain.vocabulary import Channel, RunStatus
from heliograph.providers.registry import providers
from tests.campaigns.routes import ROUTES, Route
from tests.campaigns.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.provider)
async def test_everybody_gets_one_message_through_each_provider(stage: Stage, route: Route) -> None:
    rehearsal = await stage.rehearse(5_000, through=route)
    await rehearsal.launch()
    proof = await rehearsal.proven()
    proof.only(delivered=5_000)
    assert proof.status is RunStatus.COMPLETED
    assert len({message.body for message in proof.log}) == 5_000


async def test_no_sms_provider_is_left_out() -> None:
    sending = {key for key, provider in providers().items() if Channel.SMS in provider.capabilities.channels}
    assert {route.provider for route in ROUTES} == sending
