"""The reject file on disk: it holds exactly what the import's row says is committed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class RejectFile:
    """Written at committed positions only, so that a repeated chunk writes the same bytes to the same place."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, position: int, lines: bytes) -> int:
        """Writes `lines` at `position` and puts them safely on the disk; gives the position after them."""
        if lines:
            written = 0
            while written < len(lines):
                written += os.pwrite(self._descriptor, lines[written:], position + written)
            os.fsync(self._descriptor)
        return position + len(lines)

    def truncate(self, size: int) -> None:
        """Drops what was written and never committed."""
        os.ftruncate(self._descriptor, size)


@contextmanager
def open_reject_file(path: Path) -> Iterator[RejectFile]:
    """The file, made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield RejectFile(descriptor)
    finally:
        os.close(descriptor)
