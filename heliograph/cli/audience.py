"""`heliograph audience`: CSV files into audiences, from the command line."""

import re
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from heliograph.cli.output import AsJson, console, id_column, print_json
from heliograph.cli.session import open_services, run
from heliograph.db.pages import Page, PageRequest
from heliograph.db.tables import Audience, AudienceImport
from heliograph.db.tables.audiences import ImportStatus
from heliograph.services import audiences, import_reports, imports
from heliograph.services.context import Actor, Services
from heliograph.services.import_reports import RejectedRow
from heliograph.services.importing.staging import stage_path
from heliograph.services.imports import ImportOptions

app = typer.Typer(no_args_is_help=True, help="Recipients: CSV files, what was rejected and why.")

AudienceId = Annotated[UUID, typer.Argument(help="Id of the audience.", show_default=False)]


@dataclass(frozen=True)
class Imported:
    """An import that has ended, with examples of what it left out."""

    audience: Audience
    record: AudienceImport
    created: bool
    examples: list[RejectedRow]


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="The CSV file.", show_default=False)],
    name: Annotated[str | None, typer.Option(help="Of the new audience; by default the file's name.")] = None,
    audience: Annotated[UUID | None, typer.Option(help="Add to this audience instead of making one.")] = None,
    region: Annotated[str | None, typer.Option(help="Country of numbers without a country code, such as DE.")] = None,
    encoding: Annotated[str | None, typer.Option(help="If it is neither UTF-8 nor UTF-16, such as cp1252.")] = None,
    separator: Annotated[str | None, typer.Option(help="One of , ; tab | if the header does not tell.")] = None,
    phone_column: Annotated[str | None, typer.Option(help="The column of numbers, if it has no usual name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Imports a CSV file, and says what was rejected and why."""
    options = ImportOptions(region=region, encoding=encoding, separator=separator, phone_column=phone_column)

    async def command() -> Imported:
        async with open_services() as (services, actor):
            return await import_file(services, actor, file, options, audience_id=audience, name=name, quiet=as_json)

    imported = run(command())
    if as_json:
        print_json(_as_document(imported))
    else:
        print_report(imported, console)
    if imported.record.status is ImportStatus.FAILED:
        raise typer.Exit(1)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    after: Annotated[UUID | None, typer.Option(help="Go on after this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Lists audiences, newest first."""

    async def command() -> Page[Audience, UUID]:
        async with open_services() as (services, actor):
            return await audiences.page_audiences(services, actor, PageRequest(limit, after))

    page = run(command())
    if as_json:
        print_json({"items": page.items, "next": page.next})
        return
    table = Table(id_column(), "name", "rows", "duplicates", "columns")
    for found in page.items:
        row = (
            str(found.id),
            escape(found.name),
            f"{found.row_count:,}",
            f"{found.duplicate_count:,}",
            escape(", ".join(found.columns)),
        )
        table.add_row(*row)
    console.print(table)


@app.command()
def show(audience_id: AudienceId, as_json: AsJson = False) -> None:
    """Shows an audience and its imports."""

    async def command() -> tuple[Audience, Page[AudienceImport, UUID]]:
        async with open_services() as (services, actor):
            found = await audiences.get_audience(services, actor, audience_id)
            return found, await imports.page_imports(services, actor, audience_id, PageRequest(50))

    found, page = run(command())
    if as_json:
        print_json({"audience": found, "imports": [_import_document(record) for record in page.items]})
        return
    console.print(f"{found.name} ({found.id})", markup=False)
    counted = f"{found.row_count:,} rows, {found.duplicate_count:,} repeat a number"
    console.print(f"{counted}; {', '.join(found.columns)}", markup=False)
    table = Table(id_column("import"), "file", "status", "rows", "rejected", "duplicates")
    for record in page.items:
        counts = (f"{record.rows_added:,}", f"{record.rows_rejected:,}", f"{record.duplicates:,}")
        table.add_row(str(record.id), escape(record.file_name), record.status.value, *counts)
    console.print(table)


@app.command()
def rejects(import_id: Annotated[UUID, typer.Argument(help="Id of the import.", show_default=False)]) -> None:
    """Writes the reject file of an import to standard output, as CSV."""

    async def command() -> None:
        async with open_services() as (services, actor):
            download = await import_reports.open_rejects(services, actor, import_id)
            async for piece in download.pieces():
                sys.stdout.buffer.write(piece)

    run(command())
    sys.stdout.flush()


async def import_file(
    services: Services,
    actor: Actor,
    file: Path,
    options: ImportOptions,
    *,
    audience_id: UUID | None = None,
    name: str | None = None,
    quiet: bool = False,
) -> Imported:
    """Imports a file of this machine into an audience, a new one unless it is named, with a progress bar."""
    staged = await stage_path(services.settings, file)
    try:
        await imports.read_staged_layout(staged, options)  # before an audience is made for it
        if audience_id is None:
            audience_id = (await audiences.create_audience(services, actor, name=name or file.stem)).id
        started = await imports.start_import(services, actor, audience_id, staged, options)
    finally:
        staged.discard()
    with nullcontext(lambda _: None) if quiet else _Bar(started.audience_import) as report:
        record = await imports.wait_for_import(services, actor, started.audience_import.id, report=report)
    audience = await audiences.get_audience(services, actor, audience_id)
    examples = await import_reports.sample_rejects(services, actor, record.id) if record.rows_rejected else []
    return Imported(audience, record, started.created, examples)


class _Bar:
    """A progress bar over the bytes of a file."""

    def __init__(self, record: AudienceImport) -> None:
        columns = (
            TextColumn("importing"),
            BarColumn(),
            TextColumn("{task.fields[rows]:,} rows"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=console)
        self._task = self._progress.add_task("", total=record.size, rows=0)

    def __enter__(self) -> Callable[[AudienceImport], None]:
        self._progress.start()
        return self._update

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _update(self, record: AudienceImport) -> None:
        self._progress.update(self._task, completed=record.bytes_read, rows=record.rows_added)


def print_report(imported: Imported, to: Console) -> None:
    """What an import did, with a table of what was rejected and why; numbers are masked."""
    record = imported.record
    if not imported.created:
        to.print("This file was imported into this audience before; nothing was added.")
    if record.error is not None:
        to.print(f"failed: {record.error}", style="red", markup=False)
    to.print(f"audience {imported.audience.id} ({imported.audience.name})", markup=False)
    to.print(f"{record.rows_added:,} rows added, of which {record.duplicates:,} repeat a number")
    to.print(f"{record.rows_rejected:,} rows rejected")
    if not record.reasons:
        return
    table = Table("rows", "rule", "why", "for example")
    for rule, count in sorted(record.reasons.items(), key=lambda item: -item[1]):
        examples = [row for row in imported.examples if row.rule == rule]
        why = examples[0].reason if examples else ""
        table.add_row(f"{count:,}", rule, why, ", ".join(map(_example, examples)))
    to.print(table)
    to.print(f"all of them, to mend and import again: heliograph audience rejects {record.id}")


def _example(row: RejectedRow) -> str:
    return f"line {row.line}" + (f" {escape(repr(mask(row.value)))}" if row.value else "")


def mask(text: str) -> str:
    """The text with the middle of every longer run of digits blotted out, cut to what fits a table."""
    return re.sub(
        r"(\d{3})([\d ().-]*)(\d{2})", lambda found: found[1] + re.sub(r"\d", "*", found[2]) + found[3], text
    )[:30]


def _import_document(record: AudienceImport) -> dict[str, Any]:
    return record.model_dump(mode="json", exclude={"digest", "path", "reject_path", "options", "number_offset"})


def _as_document(imported: Imported) -> dict[str, Any]:
    return {
        "audience": imported.audience.model_dump(mode="json"),
        "import": _import_document(imported.record),
        "created": imported.created,
        "examples": [
            {"line": row.line, "column": row.column, "rule": row.rule, "value": mask(row.value)}
            for row in imported.examples
        ],
    }
