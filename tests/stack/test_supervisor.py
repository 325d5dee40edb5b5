import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from heliograph.errors import Conflict, Defect
from heliograph.stack.events import EventKind
from heliograph.stack.parts import Step
from heliograph.stack.supervisor import Supervisor
from tests.stack.small_parts import Reported, alive, gone, shell, supervise, until, when_exists


@asynccontextmanager
async def started(directory: Path, reported: Reported, *nodes: Any) -> AsyncIterator[Supervisor]:
    supervisor = supervise(directory, reported, *nodes)
    try:
        await supervisor.start()
        yield supervisor
    finally:
        await supervisor.stop()


def pid_of(supervisor: Supervisor, name: str) -> int:
    pid = supervisor.pids[name]
    assert pid is not None
    return pid


async def text_of(path: Path) -> str:
    text = ""

    def written() -> bool:
        nonlocal text
        text = path.read_text().strip() if path.exists() else ""
        return bool(text)

    await until(written)
    return text


async def test_a_part_starts_when_what_it_waits_for_is_ready_and_stops_before_it(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    script = "echo start $0 >> {0}; trap 'echo stop {1} >> {0}; exit' TERM; touch {2}; while :; do sleep 0.05; done"
    server = shell("server", script.format(diary, "server", tmp_path / "up"), when_exists(tmp_path / "up"))

    async def step() -> None:
        with diary.open("a") as lines:
            lines.write("step\n")

    ready = tmp_path / "up2"
    client = shell("client", script.format(diary, "client", ready), when_exists(ready), after=("prepared",))
    async with started(tmp_path, Reported(), client, Step("prepared", step, after=("server",)), server):
        pass
    assert diary.read_text().splitlines() == ["start sh", "step", "start sh", "stop client", "stop server"]


async def test_a_killed_part_is_reported_with_its_last_words_and_started_again(tmp_path: Path) -> None:
    reported = Reported()
    async with started(tmp_path, reported, shell("engine", "echo last words; exec sleep 60")) as supervisor:
        first = pid_of(supervisor, "engine")
        await text_of(tmp_path / "engine.log")
        os.kill(first, signal.SIGKILL)
        crash = await reported.until(EventKind.CRASHED, "engine")
        await reported.until(EventKind.READY, "engine", count=2)
        assert pid_of(supervisor, "engine") != first
    assert "SIGKILL" in crash.text
    assert crash.log_lines == ("last words",)


async def test_a_part_that_keeps_crashing_is_reported_with_what_to_do_and_the_others_go_on(tmp_path: Path) -> None:
    reported = Reported()
    supervisor = supervise(
        tmp_path, reported, shell("steady", "exec sleep 60"), shell("broken", "echo no licence; exit 3", never)
    )
    starting = asyncio.create_task(supervisor.start())
    report = await reported.until(EventKind.KEEPS_CRASHING, "broken")
    steady = pid_of(supervisor, "steady")
    assert alive(steady)
    starting.cancel()
    await supervisor.stop()
    await gone(steady)
    assert "exit code 3" in report.text
    assert "heliograph doctor" in report.text
    assert reported.kinds("broken").count(EventKind.CRASHED) == 4


async def never(_: Any) -> bool:
    return False


async def test_a_command_that_does_not_exist_is_a_crash_like_any_other(tmp_path: Path) -> None:
    reported = Reported()
    supervisor = supervise(tmp_path, reported, shell("ghost", "exec /no/such/program", never))
    starting = asyncio.create_task(supervisor.start())
    crash = await reported.until(EventKind.CRASHED, "ghost")
    starting.cancel()
    await supervisor.stop()
    assert "127" in crash.text


async def test_what_a_killed_part_started_itself_is_ended_too(tmp_path: Path) -> None:
    note = tmp_path / "child"
    part = shell("parent", f"sleep 60 & echo $! > {note}; wait")
    async with started(tmp_path, Reported(), part) as supervisor:
        child = int(await text_of(note))
        note.unlink()
        os.kill(pid_of(supervisor, "parent"), signal.SIGKILL)
        await gone(child)


async def test_a_part_that_does_not_stop_in_time_is_killed(tmp_path: Path) -> None:
    reported = Reported()
    ready = tmp_path / "deaf"
    script = f"trap '' TERM; touch {ready}; while :; do sleep 0.05; done"
    part = shell("deaf", script, when_exists(ready), stop_signals=((signal.SIGTERM, 0.3),))
    async with started(tmp_path, reported, part) as supervisor:
        pid = pid_of(supervisor, "deaf")
    assert not alive(pid)
    assert reported.kinds("deaf")[-1] is EventKind.KILLED


async def test_a_frozen_part_is_stopped(tmp_path: Path) -> None:
    reported = Reported()
    async with started(tmp_path, reported, shell("frozen", "exec sleep 60")) as supervisor:
        pid = pid_of(supervisor, "frozen")
        os.kill(pid, signal.SIGSTOP)
    assert not alive(pid)
    assert reported.kinds("frozen")[-1] is EventKind.STOPPED


async def test_force_ends_the_patience_of_a_stop(tmp_path: Path) -> None:
    ready = tmp_path / "patient"
    script = f"trap '' TERM; touch {ready}; while :; do sleep 0.05; done"
    part = shell("patient", script, when_exists(ready), stop_signals=((signal.SIGTERM, 600.0),))
    supervisor = supervise(tmp_path, Reported(), part)
    await supervisor.start()
    pid = pid_of(supervisor, "patient")
    stopping = asyncio.create_task(supervisor.stop())
    await asyncio.sleep(0.1)
    assert not stopping.done()
    supervisor.force()
    await asyncio.wait_for(stopping, 10)
    assert not alive(pid)


async def test_a_failing_step_is_raised_and_what_waits_for_it_never_starts(tmp_path: Path) -> None:
    async def fail() -> None:
        raise Defect("the schema is from the future")

    supervisor = supervise(
        tmp_path, Reported(), Step("migrations", fail), shell("api", "sleep 60", after=("migrations",))
    )
    with pytest.raises(Defect, match="from the future"):
        await supervisor.start()
    assert supervisor.pids == {"api": None}
    await supervisor.stop()


async def test_one_part_can_be_stopped_and_started_while_the_others_run(tmp_path: Path) -> None:
    async with started(tmp_path, Reported(), shell("a", "exec sleep 60"), shell("b", "exec sleep 60")) as supervisor:
        stopped, other = pid_of(supervisor, "a"), pid_of(supervisor, "b")
        await supervisor.stop_part("a")
        assert not alive(stopped)
        assert supervisor.pids["a"] is None
        await supervisor.start_part("a")
        assert alive(pid_of(supervisor, "a"))
        assert pid_of(supervisor, "b") == other


async def test_a_step_cannot_be_stopped(tmp_path: Path) -> None:
    async def nothing() -> None:
        pass

    async with started(tmp_path, Reported(), Step("migrations", nothing)) as supervisor:
        with pytest.raises(Conflict, match="a step"):
            await supervisor.stop_part("migrations")


async def test_a_part_runs_at_its_own_niceness(tmp_path: Path) -> None:
    async with started(tmp_path, Reported(), shell("slow", "exec sleep 60", niceness=10)) as supervisor:
        process = psutil.Process(pid_of(supervisor, "slow"))
        await until(lambda: process.name() == "sleep")
        assert process.nice() == psutil.Process().nice() + 10
