"""Killing parts of a stack, and counting what that put in doubt."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable

from heliograph.domain.ledger import MessageState
from tests.campaigns.rehearsal import Rehearsal
from tests.campaigns.stage import SHORT_TIMES, Stage

LEASE_SECONDS = 6.0
KILLED = {**SHORT_TIMES, "HELIOGRAPH_LEASE_SECONDS": f"{LEASE_SECONDS:g}", "HELIOGRAPH_IN_DOUBT_SECONDS": "2"}
"""The lease of a lost worker ends after seconds, and its messages are decided soon after."""

WORKERS = ("worker-bulk-1", "worker-bulk-2")
HANG_GUARD_SECONDS = 120.0


def dice() -> random.Random:
    """Chance whose seed is printed; HELIOGRAPH_TEST_SEED repeats a run."""
    seed = int(os.environ.get("HELIOGRAPH_TEST_SEED", str(random.SystemRandom().randrange(2**32))))
    print(f"HELIOGRAPH_TEST_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    return random.Random(seed)


def pid_of(stage: Stage, part: str) -> int:
    """The process of a part that runs."""
    pid = stage.stack.parts[part].pid
    assert pid is not None, f"{part} is down"
    return pid


async def kill(stage: Stage, part: str) -> None:
    """SIGKILL, and wait until the supervisor has a new one ready."""
    before = pid_of(stage, part)
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + HANG_GUARD_SECONDS
    while stage.stack.parts[part].pid in (None, before):
        assert time.monotonic() < deadline, f"{part} was not started again"
        await asyncio.sleep(0.02)
    async with asyncio.timeout(HANG_GUARD_SECONDS):
        await stage.stack.wait_ready(part)


async def put_in_doubt_by(deed: Awaitable[None], rehearsal: Rehearsal) -> int:
    """Does the deed; the most messages that were in doubt, or given up for it, until every lost lease has ended."""
    given_up = (await rehearsal.states()).get(MessageState.UNKNOWN, 0)
    done = asyncio.ensure_future(deed)
    most, end = 0, float("inf")
    while time.monotonic() < end:
        states = await rehearsal.states()
        most = max(most, states.get(MessageState.IN_DOUBT, 0) + states.get(MessageState.UNKNOWN, 0) - given_up)
        if done.done() and end == float("inf"):
            end = time.monotonic() + LEASE_SECONDS + 2
        await asyncio.sleep(0.05)
    await done
    return most
