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

RECIPIENTS = 8_000
"""Eight batches: as many as both workers have slots for, so that each of them holds some."""

GIVEN_UP = (MessageState.IN_DOUBT.value, MessageState.UNKNOWN.value)


async def doubtful(rehearsal: Rehearsal) -> set[str]:
    """The addresses of messages that are in doubt or were given up."""
    rows = await rehearsal.services.database.pool.fetch(
        "SELECT address FROM message WHERE workspace_id = $1 AND state = ANY ($2::message_state[])",
        rehearsal.actor.workspace_id,
        GIVEN_UP,
    )
    return {row["address"] for row in rows}


async def settled(rehearsal: Rehearsal) -> bool:
    """Whether no claim is left whose lease has ended."""
    lapsed: int = await rehearsal.services.database.pool.fetchval(
        "SELECT count(*) FROM message WHERE workspace_id = $1 AND state = 'claimed' AND lease_until < now()",
        rehearsal.actor.workspace_id,
    )
    return lapsed == 0


@pytest.mark.parametrize("frozen", [WORKERS[:1], WORKERS], ids=["one worker", "both workers"])
async def test_a_worker_frozen_past_its_lease_sends_nothing_more_of_what_it_held(
    tmp_path: Path, frozen: tuple[str, ...]
) -> None:
    async with open_stage(tmp_path / "stack", KILLED) as stage:
        await stage.follow(Script(latency=Uniform(low=0.1, high=0.3)))
        rehearsal = await stage.rehearse(RECIPIENTS)
        await rehearsal.launch()
        await rehearsal.until_accepted(300)
        pids = [pid_of(stage, part) for part in frozen]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            await sleep(LEASE_SECONDS + 1)
            await until(lambda: settled(rehearsal), "the sweeper settles the leases of the frozen worker")
            held = await doubtful(rehearsal)
            taken_before = {message.to for message in await rehearsal.log()}
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        assert 0 < len(held) <= len(frozen) * stage.chunk
        proof = await rehearsal.proven()
        taken = {message.to for message in proof.log}
    assert held & taken <= taken_before, "the worker went on with what was no longer its own"
    assert sum(proof.states.values()) == RECIPIENTS
    assert proof.states.keys() <= {MessageState.DELIVERED, MessageState.UNKNOWN}
