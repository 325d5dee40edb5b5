"""kill -9 of everything, one after another, in the middle of a campaign; the provider's log is the witness."""

from asyncio import sleep
from pathlib import Path

import pytest

from heliograph.domain.ledger import MessageState
from heliograph.simulator.script import Script, Uniform
from tests.campaigns.stage import open_stage
from tests.kills.killing import KILLED, WORKERS, dice, kill, put_in_doubt_by

pytestmark = pytest.mark.slow

VICTIMS = ("worker-bulk-1", "worker-control", "api", "temporal", "postgres")


@pytest.mark.timeout(600)
async def test_whatever_is_killed_during_a_campaign_nothing_is_lost_and_nothing_is_sent_twice(tmp_path: Path) -> None:
    chance = dice()
    async with open_stage(tmp_path / "stack", KILLED) as stage:
        await stage.follow(Script(latency=Uniform(low=0.02, high=0.2)))
        rehearsal = await stage.rehearse(20_000, messages_per_second=250)
        await rehearsal.launch()
        await rehearsal.until_accepted(100)
        at_most = len(WORKERS) * stage.chunk
        for victim in chance.sample(VICTIMS, len(VICTIMS)):
            await sleep(chance.uniform(0, 1.5))
            in_doubt = await put_in_doubt_by(kill(stage, victim), rehearsal)
            assert in_doubt <= at_most, f"{victim}: {in_doubt} in doubt"
        assert await rehearsal.accepted() < 20_000, "the campaign was over before everything was killed"
        await rehearsal.change_speed(None)
        proof = await rehearsal.proven()
    assert sum(proof.states.values()) == 20_000
    assert proof.states.keys() <= {MessageState.DELIVERED, MessageState.UNKNOWN}
    assert proof.states.get(MessageState.UNKNOWN, 0) <= len(VICTIMS) * at_most
