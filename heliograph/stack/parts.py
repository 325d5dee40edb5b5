"""A stack as data: the processes and steps it is made of, and what each waits for."""

import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

Check = Callable[["Spawned"], Awaitable[bool]]
"""Whether a process is ready. May raise `OSError` or `Unavailable` while it is not."""


@dataclass(frozen=True, slots=True)
class Spawned:
    """One life of a part."""

    pid: int
    started_at: float  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Step:
    """Something done once while the stack starts, when all of `after` is ready or done."""

    name: str
    run: Callable[[], Awaitable[None]]
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A process that is kept running, started when all of `after` is ready or done."""

    name: str
    command: Sequence[str]
    is_ready: Check
    after: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] | None = None  # before each start; may block, runs in a thread
    user_prefix: Sequence[str] = ()  # a command that changes the user and executes the rest
    stop_signals: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 10.0),)  # each with its grace, seconds
    orphan_signal: signal.Signals = signal.SIGKILL  # what the process gets when its supervisor dies
    niceness: int = 0
    ready_within: float = 60.0  # seconds


Node = Part | Step


def levels(nodes: Sequence[Node]) -> list[list[Node]]:
    """The nodes in waves: everything that a node waits for stands in an earlier wave."""
    by_name = {node.name: node for node in nodes}
    depth: dict[str, int] = {}

    def depth_of(node: Node) -> int:
        if node.name not in depth:
            depth[node.name] = 1 + max((depth_of(by_name[name]) for name in node.after), default=-1)
        return depth[node.name]

    waves: list[list[Node]] = [[] for _ in range(1 + max(map(depth_of, nodes), default=-1))]
    for node in nodes:
        waves[depth[node.name]].append(node)
    return waves
