"""One supervisor per data directory: a file lock, which the system takes back when its holder dies, however it dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE_NAME = "stack.lock"
_PATIENCE_SECONDS = 0.5  # a reader holds the lock for an instant while it looks (`is_locked`)


class AlreadyLocked(Exception):
    """Another process holds the directory."""


@contextmanager
def lock_directory(data_dir: Path) -> Iterator[None]:
    """Holds the directory; `AlreadyLocked` when another process does."""
    handle = os.open(data_dir / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _take(handle)
        yield
    finally:
        os.close(handle)  # gives the lock back; the file stays, for removing it would race with the next holder


def _take(handle: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise AlreadyLocked from None
            time.sleep(0.05)
        else:
            return


def is_locked(data_dir: Path) -> bool:
    """Whether a supervisor runs on the directory."""
    try:
        handle = os.open(data_dir / FILE_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
