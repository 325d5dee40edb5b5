"""Parsing beside the event loop: in a process of its own for large files, in a thread for small ones.

The process is a plain child with two pipes rather than a `multiprocessing` pool: it never imports the program that
started it, and it ends by itself when that program is killed, since its standard input then ends.
"""

import asyncio
import pickle
import struct
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import BinaryIO, Final, Protocol

from heliograph.errors import Transient
from heliograph.services.importing.chunks import Chunk, ChunkTask, parse_chunk

_LENGTH: Final = struct.Struct("!Q")
_WORTH_A_PROCESS: Final = 2**20  # bytes of file: a thread is done with less before a process has started


class Parser(Protocol):
    """Turns tasks into chunks without holding up the event loop."""

    async def parse(self, task: ChunkTask) -> Chunk:
        """The next chunk. An `OSError` is the file's."""
        ...


class ThreadParser:
    """Parses in a thread."""

    async def parse(self, task: ChunkTask) -> Chunk:
        """The next chunk."""
        return await asyncio.to_thread(parse_chunk, task)


class ProcessParser:
    """Parses in a child process, one task at a time."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to, self._from = process.stdin, process.stdout

    async def parse(self, task: ChunkTask) -> Chunk:
        """The next chunk."""
        message = pickle.dumps(task, pickle.HIGHEST_PROTOCOL)
        try:
            self._to.write(_LENGTH.pack(len(message)) + message)
            await self._to.drain()
            (length,) = _LENGTH.unpack(await self._from.readexactly(_LENGTH.size))
            answer = pickle.loads(await self._from.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Transient("the process that parses the file has ended", code="parser_ended") from error
        if isinstance(answer, OSError):
            raise answer
        assert isinstance(answer, Chunk)
        return answer


@asynccontextmanager
async def open_parser(size: int) -> AsyncIterator[Parser]:
    """A parser fit for a file of `size` bytes; its process ends with the block."""
    if size < _WORTH_A_PROCESS:
        yield ThreadParser()
        return
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "heliograph.services.importing.parser_process", stdin=PIPE, stdout=PIPE, limit=2**22
    )
    try:
        yield ProcessParser(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _serve(tasks: BinaryIO, chunks: BinaryIO) -> None:
    """The child: answers each task with its chunk until its parent is gone."""
    while len(prefix := tasks.read(_LENGTH.size)) == _LENGTH.size:
        task: ChunkTask = pickle.loads(tasks.read(_LENGTH.unpack(prefix)[0]))
        answer: Chunk | OSError
        try:
            answer = parse_chunk(task)
        except OSError as error:
            answer = error
        message = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
        try:
            chunks.write(_LENGTH.pack(len(message)) + message)
            chunks.flush()
        except BrokenPipeError:
            return


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # Ctrl-C reaches the whole terminal: the parent decides what follows
        _serve(sys.stdin.buffer, sys.stdout.buffer)
