"""A worker that stands still past its lease and goes on later: what it held is no longer its own."""

import os
import signal
from asyncio import sleep
from pathlib import Path

import pytest

from heliograph.domain.ledger import MessageState
from heliograph.simulator.script import Script, Uniform
from tests.campaigns.rehearsal import Rehearsal
from tests.campaigns.stage import open_stage, until
from tests.kills.killing import KILLED, LEASE_SECONDS, WORKERS, pid_of

pytestmark = pytest.mark.slow

GIVEN_UP = (MessageState.IN_DOUBT.value, MessageState.UNKNOWN.value)


async def doubtful(rehearsal: Rehearsal) -> set[str]:
    """The addresses of messages that are in doubt or were given up."""
    rows = await rehearsal.services.database.pool.fetch(
        "SELECT address FROM message WHERE workspace_id = $1 AND state = ANY ($2::message_state[])",
        rehearsal.actor.workspace_id,
        GIVEN_UP,
    )
    return {row["address"] for row in rows}


@pytest.mark.parametrize("frozen", [WORKERS[:1], WORKERS], ids=["one worker", "both workers"])
async def test_a_worker_frozen_past_its_lease_sends_nothing_more_of_what_it_held(
    tmp_path: Path, frozen: tuple[str, ...]
) -> None:
    async with open_stage(tmp_path / "stack", KILLED) as stage:
        await stage.follow(Script(latency=Uniform(low=0.2, high=0.5)))
        rehearsal = await stage.rehearse(3_000)
        await rehearsal.launch()
        await rehearsal.until_accepted(300)
        pids = [pid_of(stage, part) for part in frozen]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            await sleep(LEASE_SECONDS + 1)

            async def settled() -> bool:
                return bool(await doubtful(rehearsal))

            await until(settled, "the sweeper settles the leases of the frozen worker")
            held = await doubtful(rehearsal)
            taken_before = {message.to for message in await rehearsal.log()}
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        assert len(held) <= len(frozen) * stage.chunk
        proof = await rehearsal.proven()
        taken = {message.to for message in proof.log}
    assert held & taken <= taken_before, "the worker went on with what was no longer its own"
    assert sum(proof.states.values()) == 3_000
    assert proof.states.keys() <= {MessageState.DELIVERED, MessageState.UNKNOWN}
