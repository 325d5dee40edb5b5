"""Bringing a file into the data directory: streamed, counted, its SHA-256 taken on the way, never whole in memory."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from heliograph.domain.csv.layout import HEAD_BYTES
from heliograph.errors import InvalidInput, PayloadTooLarge
from heliograph.ids import new_id
from heliograph.settings import Settings

_PIECE: Final = 2**20
_FILE_NAME_LIMIT: Final = 200


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that lies complete in the data directory and belongs to no import yet."""

    path: Path
    file_name: str  # as the caller calls it
    size: int
    digest: bytes  # SHA-256

    def discard(self) -> None:
        """Removes it."""
        self.path.unlink(missing_ok=True)

    def head(self) -> tuple[bytes, bool]:
        """The beginning from which a layout is read, and whether that is all."""
        with self.path.open("rb") as file:
            return file.read(HEAD_BYTES), self.size <= HEAD_BYTES


def upload_path(settings: Settings, import_id: UUID) -> Path:
    """Where workers find the file of an import."""
    return settings.data_dir.resolve() / "uploads" / f"{import_id}.csv"


def reject_path(settings: Settings, import_id: UUID) -> Path:
    """Where the rejected rows of an import are kept."""
    return settings.data_dir.resolve() / "rejects" / f"{import_id}.csv"


def _incoming(settings: Settings) -> Path:
    directory = settings.data_dir.resolve() / "uploads"
    directory.mkdir(parents=True, exist_ok=True)
    return directory / f".incoming-{new_id()}"


async def stage_stream(settings: Settings, pieces: AsyncIterator[bytes], file_name: Callable[[], str]) -> StagedFile:
    """Writes a stream to disk; `PayloadTooLarge` once it is longer than `settings.upload_limit`.

    `file_name` is asked at the end: the stream itself may bring it.
    """
    path = _incoming(settings)
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("xb") as file:
            async for piece in pieces:
                size += len(piece)
                if size > settings.upload_limit:
                    raise PayloadTooLarge(f"a file may have at most {settings.upload_limit:,} bytes")
                digest.update(piece)
                file.write(piece)
            await asyncio.to_thread(_settle, file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return StagedFile(path, shown_name(file_name()), size, digest.digest())


async def stage_path(settings: Settings, source: Path) -> StagedFile:
    """Copies a file of this machine. A copy, not a link: the file may be edited while it is imported."""
    return await asyncio.to_thread(_copy, settings, source)


def _copy(settings: Settings, source: Path) -> StagedFile:
    path = _incoming(settings)
    digest, size = hashlib.sha256(), 0
    try:
        if not source.is_file():
            raise InvalidInput.of("path", f"{source.name!r} is not a file", "path")
        with source.open("rb") as origin, path.open("xb") as file:
            while piece := origin.read(_PIECE):
                size += len(piece)
                digest.update(piece)
                file.write(piece)
            file.flush()
            _settle(file.fileno())
    except PermissionError as error:
        path.unlink(missing_ok=True)
        raise InvalidInput.of("path", f"{source.name!r} may not be read by this process", "path") from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return StagedFile(path, shown_name(source.name), size, digest.digest())


def _settle(descriptor: int) -> None:
    with suppress(OSError):  # some shared file systems do not know fsync
        os.fsync(descriptor)


def shown_name(file_name: str) -> str:
    """A file's own name without its directories and unprintable characters."""
    name = "".join(
        character for character in file_name.replace("\\", "/").rsplit("/", 1)[-1] if character.isprintable()
    )
    return name[:_FILE_NAME_LIMIT] or "upload.csv"
