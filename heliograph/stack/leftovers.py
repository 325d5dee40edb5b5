"""Processes that a stack left behind when its supervisor was killed."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from heliograph.errors import Unavailable

MARK = "HELIOGRAPH_SUPERVISED"
"""In the environment of every process of a stack: its data directory. Their own children inherit it."""

_LOOK_EVERY = 0.1


def stop_leftovers(data_dir: Path) -> list[str]:
    """Ends what an earlier stack on this directory left running, PostgreSQL excepted; the names of what was ended.

    The caller holds the directory's lock, so nothing of a living stack can be among them.
    """
    ended = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == str(data_dir.absolute()) and process.name() != "postgres":
                ended.append(f"{process.name()} (process {process.pid})")
                process.kill()
    return ended


def wait_until_unused(cluster: Path, *, patience: float = 20.0) -> None:
    """Until no PostgreSQL process works in the data directory any more.

    When the first PostgreSQL process is killed the others see it and end, which takes a moment; before that a new
    server would refuse to start. `Unavailable` when they do not end.
    """
    deadline = time.monotonic() + patience
    while left := [process.pid for process in _working_in(cluster)]:
        if time.monotonic() > deadline:
            pids = ", ".join(map(str, left))
            raise Unavailable(f"PostgreSQL processes still work in {cluster}: {pids}. Stop them with SIGQUIT")
        time.sleep(_LOOK_EVERY)


def _working_in(cluster: Path) -> Iterator[psutil.Process]:
    directory = str(cluster.resolve())
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() == "postgres" and process.cwd() == directory:
                yield process
