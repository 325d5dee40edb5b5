"""kill -9 of the supervisor itself, and a second `heliograph up` on the same directory."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from heliograph.domain.ledger import MessageState
from heliograph.settings import Settings
from heliograph.simulator.client import SimulatorClient
from heliograph.stack.description import read_stack, settings_of_running_stack
from heliograph.stack.ports import free_port
from tests.campaigns.stage import stage_of, until
from tests.kills.killing import HANG_GUARD_SECONDS, KILLED, WORKERS

pytestmark = pytest.mark.slow


@contextmanager
def process(
    log: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """One of our programs, ended by SIGTERM."""
    with (
        log.open("ab") as output,
        subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
        ) as started,
    ):
        try:
            yield started
        finally:
            started.send_signal(signal.SIGTERM)
            started.wait(HANG_GUARD_SECONDS)


@asynccontextmanager
async def lasting_simulator(directory: Path) -> AsyncIterator[str]:
    """A simulator outside of the stack, so that its log outlives the supervisor; its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with process(directory / "simulator.log", "heliograph.simulator", "--port", str(port)):
        async with SimulatorClient(url) as simulator:
            await until(simulator.is_healthy, "the simulator answers", seconds=HANG_GUARD_SECONDS)
        yield url


async def everything_runs(directory: Path, supervisor: subprocess.Popen[bytes]) -> None:
    """Waits until this supervisor has all its processes up."""

    async def all_up() -> bool:
        assert supervisor.poll() is None, "the supervisor ended: read its log"
        stack = read_stack(directory)
        return stack is not None and stack.pid == supervisor.pid and all(part.pid for part in stack.parts.values())

    await until(all_up, "every part has a process", seconds=HANG_GUARD_SECONDS)


@pytest.mark.timeout(400)
async def test_a_campaign_goes_on_when_everything_was_killed_and_started_again(tmp_path: Path) -> None:
    directory = tmp_path / "stack"
    up = ("heliograph.cli", "up", "--data-dir", str(directory), "--without-simulator")
    async with lasting_simulator(tmp_path) as simulator_url:
        environment = {**KILLED, "HELIOGRAPH_SIMULATOR_URL": simulator_url}
        with process(tmp_path / "first.log", *up, environment=environment) as first:
            await everything_runs(directory, first)
            await workspace_is_there(directory)
            configured = Settings(data_dir=directory, simulator_url=simulator_url)
            async with stage_of(settings_of_running_stack(configured), simulator_url) as stage:
                rehearsal = await stage.rehearse(3_000, messages_per_second=300)
                await rehearsal.launch()
                await rehearsal.until_accepted(300)
                first.kill()
                first.wait()
                with process(tmp_path / "second.log", *up, environment=environment) as second:
                    await everything_runs(directory, second)
                    proof = await rehearsal.proven()
                at_most = len(WORKERS) * stage.chunk
    assert sum(proof.states.values()) == 3_000
    assert proof.states.keys() <= {MessageState.DELIVERED, MessageState.UNKNOWN}
    assert proof.states.get(MessageState.UNKNOWN, 0) <= at_most


async def workspace_is_there(directory: Path) -> None:
    """Waits for what `up` makes last before its workers start: the first key."""
    deadline = time.monotonic() + HANG_GUARD_SECONDS
    while not (directory / "api-key").exists():
        assert time.monotonic() < deadline, "the first workspace was not made"
        await asyncio.sleep(0.1)
