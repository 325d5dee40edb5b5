"""The file of an export: it holds exactly what the export's row says is committed."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

from heliograph.errors import Transient
from heliograph.settings import Settings


def export_path(settings: Settings, export_id: UUID) -> Path:
    """Where workers write an export, and the API reads it."""
    return settings.data_dir / "exports" / f"{export_id}.csv"


class ExportFile:
    """Written at committed positions only: what a dead process left behind them is written over."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @property
    def size(self) -> int:
        """Bytes on the disk, committed or not."""
        return os.fstat(self._descriptor).st_size

    def write(self, position: int, data: bytes) -> int:
        """Writes at `position` and puts it safely on the disk; gives the position after it."""
        written = 0
        while written < len(data):
            written += os.pwrite(self._descriptor, data[written:], position + written)
        with suppress(OSError):  # some shared file systems do not know fsync
            os.fsync(self._descriptor)
        return position + len(data)

    def truncate(self, size: int) -> None:
        """Drops what was written and never committed."""
        os.ftruncate(self._descriptor, size)


@contextmanager
def open_export_file(path: Path) -> Iterator[ExportFile]:
    """The file, made where there is none, for one process alone: the lock goes when the process does.

    `Transient` while another process has it. A message may read differently by the second time it is written, so two
    that write the same part would spoil the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Transient("another process writes this export", code="written_elsewhere") from None
        yield ExportFile(descriptor)
    finally:
        os.close(descriptor)
