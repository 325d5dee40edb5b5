"""What an import will read, and what it left out: previews and reject files."""

import asyncio
import csv
import io
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from heliograph.domain.csv.check import RowChecker
from heliograph.domain.csv.layout import Layout
from heliograph.domain.csv.records import Block
from heliograph.domain.csv.rejects import LEADING
from heliograph.domain.csv.rules import EXPLANATIONS
from heliograph.errors import NotFound
from heliograph.services.audiences import checked_region, get_audience
from heliograph.services.context import Actor, Services
from heliograph.services.importing.staging import StagedFile
from heliograph.services.imports import ImportOptions, get_import, read_staged_layout
from heliograph.services.workspaces import get_workspace

_PIECE: Final = 2**18
_SAMPLED_BYTES: Final = 2**20  # of the reject file: enough examples, whatever its size


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """A row as it would be kept, or why it would not."""

    line: int
    address: str | None
    region: str | None
    variables: dict[str, str]
    rule: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """How a file would be read, with its first rows."""

    layout: Layout
    rows: list[PreviewRow]


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row of the reject file."""

    line: int
    column: str  # "" when the row as a whole is at fault
    rule: str
    reason: str
    value: str  # of that column
    fields: list[str]


@dataclass(frozen=True, slots=True)
class RejectDownload:
    """The reject file as committed so far."""

    path: Path
    file_name: str
    size: int

    async def pieces(self) -> AsyncIterator[bytes]:
        """Its bytes; nothing that an import under way may still take back."""
        left = self.size
        with await asyncio.to_thread(self.path.open, "rb") as file:
            while left > 0 and (piece := await asyncio.to_thread(file.read, min(_PIECE, left))):
                left -= len(piece)
                yield piece


async def preview_import(
    services: Services, actor: Actor, audience_id: UUID, staged: StagedFile, options: ImportOptions, *, rows: int = 10
) -> Preview:
    """The layout found in a staged file and its first rows as they would be kept. Stores nothing, removes the file."""
    try:
        audience = await get_audience(services, actor, audience_id)
        workspace = await get_workspace(services, actor)
        region = checked_region(options.region, field="region") or audience.default_region or workspace.default_region
        layout = await read_staged_layout(staged, options)
        head, at_end = await asyncio.to_thread(staged.head)
    finally:
        staged.discard()
    return Preview(layout, _first_rows(head[layout.offset :], layout, region, at_end=at_end, wanted=rows))


def _first_rows(data: bytes, layout: Layout, region: str | None, *, at_end: bool, wanted: int) -> list[PreviewRow]:
    checker = RowChecker(layout, region)
    found: list[PreviewRow] = []
    block = Block(data, at_end=at_end, line=layout.line, encoding=layout.encoding, separator=layout.separator)
    for line, fields, broken in block:
        verdict = broken or checker.check(fields)
        if isinstance(verdict, tuple):
            (address, of_number), variables = verdict
            found.append(PreviewRow(line, address, of_number, variables))
        else:
            shown = dict(zip(layout.names, fields, strict=False))
            found.append(PreviewRow(line, None, None, shown, verdict.value, EXPLANATIONS[verdict]))
        if len(found) == wanted:
            break
    return found


async def open_rejects(
    services: Services, actor: Actor, import_id: UUID, *, audience_id: UUID | None = None
) -> RejectDownload:
    """The reject file of an import. It holds personal data: it takes the permission to change audiences."""
    actor.require("campaigns.manage")
    record = await get_import(services, actor, import_id, audience_id=audience_id)
    path = Path(record.reject_path or "")
    if not await asyncio.to_thread(path.is_file):
        raise NotFound("the reject file is not there: the import has not begun, or the file was removed")
    return RejectDownload(path, f"rejects-{record.id}.csv", record.rejects_size)


async def sample_rejects(services: Services, actor: Actor, import_id: UUID, *, each: int = 3) -> list[RejectedRow]:
    """The first rejected rows of each rule, from the beginning of the file."""
    download = await open_rejects(services, actor, import_id)
    with await asyncio.to_thread(download.path.open, "rb") as file:
        head = await asyncio.to_thread(file.read, min(_SAMPLED_BYTES, download.size))
    seen: Counter[str] = Counter()
    found: list[RejectedRow] = []
    reader = csv.reader(io.StringIO(head.decode("utf-8", "replace"), newline=""))
    columns = next(reader, [])[len(LEADING) :]
    for line in reader:
        if len(line) < len(LEADING) or not line[0].isdigit():
            continue  # the last one, cut off by the end of the sample
        number, column, rule, reason, *fields = line
        seen[rule] += 1
        if seen[rule] <= each:
            value = dict(zip(columns, fields, strict=False)).get(column, "") if column else ""
            found.append(RejectedRow(int(number), column, rule, reason, value, fields))
    return found
