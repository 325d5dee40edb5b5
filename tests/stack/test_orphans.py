import asyncio
import sys
from pathlib import Path

import psutil

from heliograph.stack import postgres
from heliograph.stack.leftovers import MARK, stop_leftovers
from tests.stack.small_parts import gone, until


async def dies_with_its_supervisor(directory: Path, *prefix: str) -> None:
    command = [sys.executable, "-m", "tests.stack.orphanage", str(directory), *prefix]
    supervisor = await asyncio.create_subprocess_exec(*command)
    await until((directory / "pid").exists)
    child = psutil.Process(int((directory / "pid").read_text()))
    await until(lambda: child.name() == "sleep")  # it is tied before it becomes what it is to be
    supervisor.kill()
    await supervisor.wait()
    await gone(child.pid)


async def test_a_part_dies_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    await dies_with_its_supervisor(tmp_path)


async def test_a_part_that_runs_as_another_user_dies_too(tmp_path: Path) -> None:
    prefix = postgres.EmbeddedPostgres(tmp_path, 1).user_prefix
    await dies_with_its_supervisor(tmp_path, *prefix)


async def test_what_a_killed_stack_left_running_is_ended(tmp_path: Path) -> None:
    left = await asyncio.create_subprocess_exec("sleep", "600", env={MARK: str(tmp_path)})
    foreign = await asyncio.create_subprocess_exec("sleep", "600", env={MARK: "/elsewhere"})
    await until(lambda: psutil.Process(left.pid).name() == "sleep")
    assert stop_leftovers(tmp_path) == [f"sleep (process {left.pid})"]
    assert await left.wait() != 0
    assert foreign.returncode is None
    foreign.kill()
    await foreign.wait()
