"""Parts that start in a moment, and a reporter that remembers."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from heliograph.stack.caretaker import Surroundings
from heliograph.stack.events import Event, EventKind
from heliograph.stack.parts import Check, Part, Spawned
from heliograph.stack.supervisor import Supervisor


async def at_once(_: Spawned) -> bool:
    """Ready as soon as it runs."""
    return True


def when_exists(path: Path) -> Check:
    """Ready when it has made its file."""

    return asyncify(path.exists)


def asyncify(condition: Callable[[], bool]) -> Check:
    """A check that asks something that answers at once."""

    async def check(_: Spawned) -> bool:
        return condition()

    return check


async def until(condition: Callable[[], object]) -> None:
    """Until what happens in another process has happened."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - other processes set no event of ours
            await asyncio.sleep(0.02)


def shell(name: str, script: str, is_ready: Check = at_once, **more: Any) -> Part:
    """A part that is a shell script."""
    return Part(name, ["sh", "-c", script], is_ready, **more)


@dataclass
class Reported:
    """Every event so far."""

    events: list[Event] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def kinds(self, part: str) -> list[EventKind]:
        """What happened to one part."""
        return [event.kind for event in self.events if event.part == part]

    async def until(self, kind: EventKind, part: str, count: int = 1) -> Event:
        """The event, once it has come this often."""
        await until(lambda: self.kinds(part).count(kind) >= count)
        return [event for event in self.events if event.part == part and event.kind == kind][count - 1]


def supervise(directory: Path, reported: Reported, *nodes: Any) -> Supervisor:
    """A supervisor with its logs in `directory`."""
    return Supervisor(nodes, Surroundings(os.environ, directory, reported))


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and was not collected does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def gone(*pids: int) -> None:
    """Until none of them runs."""
    await until(lambda: not any(map(alive, pids)))
