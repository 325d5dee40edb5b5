"""One chunk of a file: read, checked, normalised and laid out for `COPY`. Runs where it may take the processor."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID

import orjson

from heliograph.db.audience_copy import RowEncoder
from heliograph.domain.csv.check import RowChecker
from heliograph.domain.csv.layout import Layout
from heliograph.domain.csv.records import ROW_LIMIT, SHOWN, Block
from heliograph.domain.csv.rejects import RejectWriter
from heliograph.domain.csv.rules import RowRule

CHUNK_BYTES: Final = ROW_LIMIT
"""A chunk is one block: 10,000 to 20,000 rows of the usual kind, and one transaction."""


@dataclass(frozen=True, slots=True)
class ChunkTask:
    """What to read, from where, and as whose rows."""

    path: Path
    layout: Layout
    region: str | None  # for numbers without a country
    workspace_id: UUID
    audience_id: UUID
    offset: int  # bytes: where a record begins
    line: int
    number: int  # of the next row


@dataclass(frozen=True, slots=True)
class Chunk:
    """What came of it. `offset` and `line` are where the next chunk begins."""

    offset: int
    line: int
    rows: int
    copy: bytes  # rows as `db.audience_copy` takes them
    rejects: bytes  # lines of the reject file
    reasons: dict[str, int] = field(default_factory=dict)
    at_end: bool = False

    @property
    def rejected(self) -> int:
        """Rows that were not taken."""
        return sum(self.reasons.values())


def parse_chunk(task: ChunkTask) -> Chunk:
    """Reads the next chunk. The same task gives the same chunk, byte for byte."""
    with task.path.open("rb") as file:
        file.seek(task.offset)
        data = file.read(CHUNK_BYTES)
        at_end = len(data) < CHUNK_BYTES or not file.read(1)
        rejects = RejectWriter(task.layout)
        if task.offset == task.layout.offset:
            rejects.header()
        block = Block(
            data, at_end=at_end, line=task.line, encoding=task.layout.encoding, separator=task.layout.separator
        )
        rows = RowEncoder(task.workspace_id, task.audience_id, task.number)
        _take_records(block, task, rows, rejects)
        offset, line = task.offset + block.consumed, block.line
        if not block.consumed and not at_end:
            offset, line = _skip_long_line(file, task, data, rejects)
        return Chunk(
            offset=offset,
            line=line,
            rows=rows.count,
            copy=rows.getvalue(),
            rejects=rejects.getvalue(),
            reasons=rejects.reasons,
            at_end=at_end and offset >= task.offset + len(data),
        )


def _take_records(block: Block, task: ChunkTask, rows: RowEncoder, rejects: RejectWriter) -> None:
    check = RowChecker(task.layout, task.region).check
    for line, fields, broken in block:
        verdict = broken or check(fields)
        if isinstance(verdict, tuple):
            (e164, region), variables = verdict
            rows.add(e164, region, orjson.dumps(variables))
        else:
            rejects.add(line, verdict, fields)


def _skip_long_line(file: BinaryIO, task: ChunkTask, data: bytes, rejects: RejectWriter) -> tuple[int, int]:
    """Leaves out a line that is longer than a block, without holding it."""
    encoding = task.layout.encoding
    shown = data[: SHOWN * 4].decode(encoding, "replace").replace("\0", "")[:SHOWN]
    rejects.add(task.line, RowRule.TOO_LONG, [shown])
    newline = "\n".encode(encoding)
    position = task.offset + len(data)
    file.seek(position)
    while piece := file.read(CHUNK_BYTES):
        if (end := _after_newline(piece, newline)) is not None:
            return position + end, task.line + 1
        position += len(piece)
    return position, task.line + 1


def _after_newline(piece: bytes, newline: bytes) -> int | None:
    """The byte after the first newline that is aligned to the encoding's unit."""
    found = piece.find(newline)
    while found % len(newline):
        found = piece.find(newline, found + 1)
    return found + len(newline) if found >= 0 else None
