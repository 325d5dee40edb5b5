"""`heliograph report`: what became of every message, on the screen and as a file."""

import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from heliograph.cli.output import AsJson, console, errors, id_column, print_json
from heliograph.cli.session import open_services, run
from heliograph.db.pages import Page, PageRequest
from heliograph.db.tables import ReportExport
from heliograph.domain.communications import Communication, CommunicationFilters, CommunicationStatus
from heliograph.domain.vocabulary import Channel
from heliograph.services import communications, exports
from heliograph.services.context import Actor, Services

app = typer.Typer(no_args_is_help=True, help="Every message and how it ended.")

OfChannel = Annotated[Channel | None, typer.Option("--channel", help="sms or email; by default both.")]
OfAddress = Annotated[str | None, typer.Option("--address", help="A phone number or an e-mail address.")]
OfStatus = Annotated[CommunicationStatus | None, typer.Option("--status", help="By default any.")]
From = Annotated[datetime | None, typer.Option("--from", help="Written at this time (UTC) or later.")]
Until = Annotated[datetime | None, typer.Option("--until", help="Written before this time (UTC).")]
OfTemplate = Annotated[UUID | None, typer.Option("--template", help="Id of the template.")]
OfRun = Annotated[UUID | None, typer.Option("--run", help="Id of the run (the job).")]
OfCampaign = Annotated[UUID | None, typer.Option("--campaign", help="Id of the campaign.")]


@app.command("communications")
def list_(
    channel: OfChannel = None,
    address: OfAddress = None,
    status: OfStatus = None,
    since: From = None,
    until: Until = None,
    template: OfTemplate = None,
    run_id: OfRun = None,
    campaign: OfCampaign = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    after: Annotated[UUID | None, typer.Option(help="Go on after this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Lists communications, newest first."""
    filters = _filters(channel, address, status, since, until, template, run_id, campaign)

    async def command() -> Page[Communication, UUID]:
        async with open_services() as (services, actor):
            return await _filled_page(services, actor, filters, PageRequest(limit, after))

    page = run(command())
    if as_json:
        print_json({"items": page.items, "next": page.next})
        return
    table = Table(id_column(), "written", "channel", "address", "state", "code", "message", "campaign")
    for each in page.items:
        error = each.error_message or each.reason or ""
        row = (str(each.id), f"{each.created_at:%Y-%m-%d %H:%M:%S}", each.channel.value, each.address, each.state.value)
        table.add_row(*map(Text, (*row, each.error_code or "", error, each.campaign or "")))
    console.print(table)
    if page.next is not None:
        errors.print(f"more: --after {page.next}")


async def _filled_page(
    services: Services, actor: Actor, filters: CommunicationFilters, request: PageRequest[UUID]
) -> Page[Communication, UUID]:
    """As many as were asked for, if there are so many: over pages that are not full."""
    found: list[Communication] = []
    after = request.after
    while True:
        wanted = PageRequest(request.limit - len(found), after)
        page = await communications.page_communications(services, actor, filters, wanted)
        found += page.items
        after = page.next
        if after is None or len(found) == request.limit:
            return Page(found, after)


@app.command()
def export(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file; by default standard output.")] = None,
    channel: OfChannel = None,
    address: OfAddress = None,
    status: OfStatus = None,
    since: From = None,
    until: Until = None,
    template: OfTemplate = None,
    run_id: OfRun = None,
    campaign: OfCampaign = None,
    as_json: AsJson = False,
) -> None:
    """Exports communications as CSV. With --json it tells about the export, and writes the file only to --output."""
    filters = _filters(channel, address, status, since, until, template, run_id, campaign)

    async def command() -> ReportExport:
        async with open_services() as (services, actor):
            started = await exports.start_export(services, actor, filters)
            with _Bar() as report:
                record = await exports.wait_for_export(services, actor, started.id, report=report)
            if output is not None or not as_json:
                download = await exports.open_export(services, actor, record.id)
                await _write(download.pieces(), output)
            return record

    record = run(command())
    if as_json:
        print_json(record)
    elif output is not None:
        console.print(f"{record.rows_written:,} messages in {output}", markup=False)


async def _write(pieces: AsyncIterator[bytes], output: Path | None) -> None:
    if output is None:
        async for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.flush()
        return
    with output.open("wb") as file:
        async for piece in pieces:
            file.write(piece)


class _Bar:
    """A progress bar on standard error: standard output may be the file."""

    def __init__(self) -> None:
        columns = (TextColumn("exporting"), BarColumn(), TextColumn("{task.fields[rows]:,} messages"))
        self._progress = Progress(*columns, console=errors, disable=not errors.is_terminal)
        self._task = self._progress.add_task("", total=100, rows=0)

    def __enter__(self) -> Callable[[ReportExport], None]:
        self._progress.start()
        return self._update

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _update(self, record: ReportExport) -> None:
        self._progress.update(self._task, completed=record.percent, rows=record.rows_written)


def _filters(
    channel: Channel | None,
    address: str | None,
    status: CommunicationStatus | None,
    since: datetime | None,
    until: datetime | None,
    template_id: UUID | None,
    run_id: UUID | None,
    campaign_id: UUID | None,
) -> CommunicationFilters:
    return CommunicationFilters(
        channel=channel,
        address=address,
        status=status,
        since=since and since.replace(tzinfo=UTC),
        until=until and until.replace(tzinfo=UTC),
        template_id=template_id,
        run_id=run_id,
        campaign_id=campaign_id,
    )
