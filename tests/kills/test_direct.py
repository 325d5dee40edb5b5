"""kill -9 of whatever sends direct messages, while it does."""

from asyncio import sleep
from pathlib import Path

import pytest

from heliograph.simulator.script import Script, Uniform
from tests.campaigns.direct import rehearse_direct
from tests.campaigns.stage import open_stage
from tests.kills.killing import KILLED, dice, kill

pytestmark = pytest.mark.slow

VICTIMS = ("worker-interactive", "worker-control", "postgres")


@pytest.mark.timeout(400)
async def test_whatever_is_killed_each_direct_message_is_sent_once(tmp_path: Path) -> None:
    chance = dice()
    async with open_stage(tmp_path / "stack", KILLED) as stage:
        await stage.follow(Script(latency=Uniform(low=0.3, high=1.0)))
        rehearsal = await rehearse_direct(stage)
        for _ in range(3):
            await rehearsal.queue(1_000)
        for victim in chance.sample(VICTIMS, len(VICTIMS)):
            await sleep(chance.uniform(0.5, 1.5))
            await kill(stage, victim)
        assert (await rehearsal.states())["queued"], "all was sent before everything was killed"
        await rehearsal.until(delivered=3_000)
        taken = await rehearsal.log(rehearsal.accounts[0])
    assert set(taken.values()) == {3}, "three messages for each number"
