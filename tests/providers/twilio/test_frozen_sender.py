"""A process that was frozen past its lease and goes on writes nothing more."""

import asyncio
import json
import signal
import sys
import time

from heliograph.simulator.client import SimulatorClient

_LEASE_SECONDS = 1.0
_CLOCK_SLACK_SECONDS = 0.05  # between the child's lease and our reading of the clock


async def test_a_frozen_process_sends_nothing_after_its_lease(simulator: SimulatorClient) -> None:
    command = [sys.executable, "-m", "tests.providers.twilio.frozen_sender", simulator.url, str(_LEASE_SECONDS)]
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    assert await child.stdout.readline() == b"sending\n"
    lease_ends_before = time.time() + _LEASE_SECONDS + _CLOCK_SLACK_SECONDS
    child.send_signal(signal.SIGSTOP)
    await asyncio.sleep(_LEASE_SECONDS + 3 * _CLOCK_SLACK_SECONDS)
    before = await simulator.accepted_count()
    child.send_signal(signal.SIGCONT)
    outcomes = json.loads(await child.stdout.readline())
    await child.wait()
    assert outcomes["lease_expired"] == 32
    assert before > 0
    assert outcomes["Accepted"] == await simulator.accepted_count() == before
    assert await simulator.accepted_count(since=str(lease_ends_before)) == 0
