"""Communication reports, in pages and as files."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, Field

from api.dependencies import CurrentActor, TheServices
from api.idempotency import Idempotent
from api.pagination import NO_NUL, PageAnswer, Paging, answer
from api.problems import documented
from heliograph.db.tables import ReportExport
from heliograph.db.tables.exports import ExportStatus
from heliograph.domain.communications import Communication, CommunicationFilters, CommunicationStatus
from heliograph.domain.vocabulary import Channel
from heliograph.services import communications, exports

router = APIRouter(prefix="/v1/reports", tags=["reports"], responses=documented(401, 403, 422))

ExportId = Annotated[UUID, Path(description="The export's id.")]


async def _filters(
    channel: Annotated[Channel | None, Query(description="Only `sms`, or only `email`; by default both.")] = None,
    address: Annotated[
        str | None,
        Query(max_length=320, pattern=NO_NUL, description="A phone number, written in any way, or an e-mail address."),
    ] = None,
    status: Annotated[CommunicationStatus | None, Query(description="By default any.")] = None,
    since: Annotated[
        AwareDatetime | None, Query(alias="from", description="Written into the ledger at this instant or later.")
    ] = None,
    until: Annotated[AwareDatetime | None, Query(description="Written into the ledger before this instant.")] = None,
    template_id: Annotated[UUID | None, Query(description="Only of runs that sent a version of this template.")] = None,
    run_id: Annotated[UUID | None, Query(description="Only of this run (the job).")] = None,
    campaign_id: Annotated[UUID | None, Query(description="Only of the runs of this campaign.")] = None,
) -> CommunicationFilters:
    return CommunicationFilters(
        channel=channel,
        address=address,
        status=status,
        since=since,
        until=until,
        template_id=template_id,
        run_id=run_id,
        campaign_id=campaign_id,
    )


Filters = Annotated[CommunicationFilters, Depends(_filters)]


class WantedExport(CommunicationFilters):
    """What is to stand in the file; with no filter at all, everything."""

    address: str | None = Field(
        default=None,
        max_length=320,
        pattern=NO_NUL,
        description="A phone number, written in any way, or an e-mail address.",
    )


class ExportAnswer(BaseModel):
    """An export: how far it is, and where its file is."""

    id: UUID
    status: ExportStatus
    filters: CommunicationFilters
    percent: int = Field(description="Of the messages to look through, as counted at the start.")
    rows: int = Field(description="In the file so far.")
    size: int = Field(description="Bytes of the file so far.")
    created_at: datetime = Field(description="What was written into the ledger later is not in the file.")
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="When the file is removed.")
    file_url: str | None = Field(description="Where the file is, once it is whole; it takes an API key.")


@router.get("/communications", summary="Every communication and how it ended")
async def list_communications(
    services: TheServices, actor: CurrentActor, paging: Paging, filters: Filters
) -> PageAnswer[Communication]:
    """Campaign and direct messages, SMS and e-mail, newest first; all filters that are given must hold.

    What one page looks through is bounded, so that none is slow: a page may hold fewer items than `limit`, or none,
    and still have a `next`. Only `next: null` is the end.
    """
    page = await communications.page_communications(services, actor, filters, paging)
    return answer(page, lambda item: item)


@router.post("/communications/exports", status_code=202, summary="Export communications into a CSV file")
async def create_export(services: TheServices, call: Idempotent, body: WantedExport) -> ExportAnswer:
    """Answered at once; ask for the export until it is `completed`, then fetch its file."""
    filters = CommunicationFilters.model_validate(body.model_dump())

    async def start() -> ExportAnswer:
        return _shown(services.settings.public_url, await exports.start_export(services, call.actor, filters))

    async def again(export_id: UUID) -> ExportAnswer:
        return _shown(services.settings.public_url, await exports.get_export(services, call.actor, export_id))

    return await call.once(ExportAnswer, start, again)


@router.get("/exports", summary="Exports, newest first")
async def list_exports(services: TheServices, actor: CurrentActor, paging: Paging) -> PageAnswer[ExportAnswer]:
    """A page of the workspace's exports, those whose file was removed included."""
    page = await exports.page_exports(services, actor, paging)
    return answer(page, lambda record: _shown(services.settings.public_url, record))


@router.get("/exports/{export_id}", summary="An export", responses=documented(404))
async def get_export(services: TheServices, actor: CurrentActor, export_id: ExportId) -> ExportAnswer:
    """How far it is; with a link to the file once it is whole."""
    return _shown(services.settings.public_url, await exports.get_export(services, actor, export_id))


@router.get(
    "/exports/{export_id}/file",
    summary="Download an export",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/csv": {}}, "description": "CSV in UTF-8, a header first, safe in a spreadsheet."},
        **documented(404, 409),
    },
)
async def download_export(services: TheServices, actor: CurrentActor, export_id: ExportId) -> StreamingResponse:
    """409 until the export is completed, 404 when its file was removed. Each download is audited."""
    download = await exports.open_export(services, actor, export_id)
    return StreamingResponse(
        download.pieces(),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{download.file_name}"',
            "Content-Length": str(download.size),
            "X-Content-Type-Options": "nosniff",
        },
    )


def _shown(public_url: str, record: ReportExport) -> ExportAnswer:
    whole = record.status is ExportStatus.COMPLETED
    return ExportAnswer(
        id=record.id,
        status=record.status,
        filters=CommunicationFilters.model_validate(record.filters),
        percent=record.percent,
        rows=record.rows_written,
        size=record.size,
        created_at=record.created_at,
        finished_at=record.finished_at,
        expires_at=record.expires_at,
        file_url=f"{public_url}/v1/reports/exports/{record.id}/file" if whole else None,
    )
