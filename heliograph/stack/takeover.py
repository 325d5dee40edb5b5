"""One stack per data directory, and what a new one does about the one before."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from heliograph.errors import Conflict
from heliograph.stack.description import StackDescription, last_stack
from heliograph.stack.leftovers import stop_leftovers
from heliograph.stack.lock import AlreadyLocked, lock_directory


@contextmanager
def hold_directory(directory: Path) -> Iterator[None]:
    """Holds the directory; `Conflict` tells who holds it already, and where its doors are."""
    held = lock_directory(directory)
    try:
        held.__enter__()
    except AlreadyLocked:
        raise Conflict(_who_runs(directory), code="already_running") from None
    try:
        yield
    finally:
        held.__exit__(None, None, None)


def take_over(directory: Path, note: Callable[[str], None]) -> StackDescription | None:
    """Clears what the stack before left behind if it was killed; what it was. The caller holds the directory."""
    last = last_stack(directory)
    if last is not None and last.stopped_at is None:
        note(f"the stack before (process {last.pid}) did not stop cleanly: taking over where it was")
    for process in stop_leftovers(directory):
        note(f"ended what it left running: {process}")
    return last


def _who_runs(directory: Path) -> str:
    last = last_stack(directory)
    if last is None:
        return f"another process is just starting a stack on {directory}"
    doors = ", ".join(f"{name} {address}" for name, address in last.doors if address and name != "database")
    return f"a stack runs on {directory} already, as process {last.pid}: {doors}. Stop that one first, or use its doors"
