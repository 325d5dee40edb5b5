"""kill -9 in the middle of a poll: what was not asked about is asked about later, nothing is sent twice."""

from pathlib import Path

import pytest

from heliograph.simulator.script import Script
from tests.campaigns.polled import rehearse_polled
from tests.campaigns.stage import open_stage
from tests.kills.killing import KILLED, kill

pytestmark = pytest.mark.slow


@pytest.mark.timeout(300)
async def test_a_worker_that_is_killed_while_it_polls_loses_nothing(tmp_path: Path) -> None:
    async with open_stage(tmp_path / "stack", KILLED) as stage:
        await stage.follow(Script())
        rehearsal = await rehearse_polled(stage, messages_per_request=1)
        await rehearsal.queue(1_000)
        await rehearsal.until(delivered=1)
        await kill(stage, "worker-control")
        assert (await rehearsal.states())["delivered"] < 1_000, "all was polled before the worker was killed"
        await rehearsal.until(delivered=1_000)
        assert set((await rehearsal.taken()).values()) == {1}
