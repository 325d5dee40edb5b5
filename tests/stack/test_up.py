"""`heliograph up` as a person runs it: the whole stack, in a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from heliograph.stack.composition import PARTS
from heliograph.stack.description import Doors, StackDescription, read_stack
from heliograph.stack.layout import Ports
from tests.stack.small_parts import alive, gone

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

COMMAND = (sys.executable, "-P", "-m", "heliograph.cli")
READY = "everything is ready"


class Up:
    """A running `heliograph up` and what it has said."""

    def __init__(self, process: asyncio.subprocess.Process, data_dir: Path) -> None:
        self.process = process
        self.data_dir = data_dir
        self.said: list[str] = []

    @classmethod
    async def start(cls, data_dir: Path) -> "Up":
        started = cls(await heliograph("up", "--data-dir", str(data_dir)), data_dir)
        await started.until(READY)
        return started

    async def until(self, words: str, *, count: int = 1) -> None:
        """Reads on until it has said this so often."""
        assert self.process.stdout is not None
        async with asyncio.timeout(100):
            while sum(words in line for line in self.said) < count:
                line = (await self.process.stdout.readline()).decode()
                assert line, "".join(self.said)
                self.said.append(line)

    async def end(self) -> int:
        """Reads what it still says, and its exit code."""
        assert self.process.stdout is not None
        async with asyncio.timeout(100):
            self.said += (await self.process.stdout.read()).decode().splitlines()
            return await self.process.wait()

    @property
    def stack(self) -> StackDescription:
        found = read_stack(self.data_dir)
        assert found is not None
        return found

    @property
    def pids(self) -> list[int]:
        return [part.pid for part in self.stack.parts.values() if part.pid is not None]


async def heliograph(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )


async def answer_of(*arguments: str) -> tuple[int, str]:
    process = await heliograph(*arguments)
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A directory whose last stack had ports that nobody else uses here."""
    ports, now = Ports.free(), datetime.now(UTC)
    doors = Doors(
        api=f"http://127.0.0.1:{ports.api}",
        temporal=f"127.0.0.1:{ports.temporal}",
        temporal_ui=f"http://127.0.0.1:{ports.temporal_ui}",
        database=f"postgresql://heliograph@127.0.0.1:{ports.database}/heliograph",
        simulator=f"http://127.0.0.1:{ports.simulator}",
    )
    StackDescription(pid=1, started_at=now, stopped_at=now, doors=doors, parts={}).write(tmp_path)
    return tmp_path


@pytest_asyncio.fixture
async def up(data_dir: Path) -> AsyncIterator[Up]:
    started = await Up.start(data_dir)
    yield started
    if started.process.returncode is None:
        started.process.terminate()
        await started.end()


async def test_a_killed_worker_comes_back_a_second_stack_is_refused_and_sigterm_leaves_nothing(up: Up) -> None:
    assert set(up.stack.parts) == set(PARTS)

    code, said = await answer_of("--data-dir", str(up.data_dir), "doctor", "--json")
    report = orjson.loads(said)
    assert code == 0, report
    assert {finding["verdict"] for finding in report["findings"]} <= {"ok", "warning"}

    code, said = await answer_of("up", "--data-dir", str(up.data_dir))
    assert code == 1
    assert f"process {up.process.pid}" in said
    assert str(up.stack.doors.api) in said
    assert "Traceback" not in said

    victim = up.stack.parts["worker-bulk-1"].pid
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    await up.until("was ended by SIGKILL")
    await up.until("ready after", count=len(PARTS) + 2)  # each part, the stack, the part again
    assert up.stack.parts["worker-bulk-1"].pid != victim

    pids = up.pids
    up.process.terminate()
    assert await up.end() == 0
    assert not any(map(alive, pids))
    assert read_stack(up.data_dir) is None


async def test_after_a_kill_nothing_is_left_and_the_next_start_takes_over(up: Up) -> None:
    doors, pids = up.stack.doors, up.pids
    up.process.kill()
    await up.end()
    await gone(*pids)

    second = await Up.start(up.data_dir)
    try:
        assert any("did not stop cleanly" in line for line in second.said)
        assert second.stack.doors == doors
    finally:
        second.process.send_signal(signal.SIGINT)
        assert await second.end() == 0
