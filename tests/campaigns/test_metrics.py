"""What workers and the API count comes together on one page."""

import re

import pytest

from heliograph.services.metrics import describe
from tests.campaigns.direct import rehearse_direct
from tests.campaigns.stage import Stage, until

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

TYPE = "rehearsed_by_this_test"


async def test_the_processes_of_an_installation_tell_one_story(stage: Stage) -> None:
    rehearsal = await rehearse_direct(stage)
    await rehearsal.queue(60, type=TYPE)
    await rehearsal.until(delivered=60)
    wanted = {
        "messages_claimed_total": 60,  # counted by a worker
        "messages_accepted_total": 60,
        "accept_latency_seconds_count": 60,
        "messages_delivered_total": 60,  # counted by the API, which takes the callbacks
    }

    async def all_told() -> bool:
        page = await describe(stage.services)
        return {name: told(page, name) for name in wanted} == wanted

    await until(all_told, "every process has added what it counted")
    page = await describe(stage.services)
    # a receipt that came before its acceptance was committed has no lag
    assert 0 < told(page, "receipt_lag_seconds_count", 'state="delivered"') <= 60


def told(page: str, name: str, label: str = "") -> int:
    """The sum of a metric over the series of the rehearsed type."""
    lines = re.findall(rf"^heliograph_{name}\{{(.*)\}} (\d+)$", page, re.MULTILINE)
    return sum(int(count) for labels, count in lines if f'type="{TYPE}"' in labels and label in labels)
