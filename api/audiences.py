"""Audiences and the imports that fill them."""

from typing import Any, Final, TypeVar
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.audience_answers import (
    AudienceAnswer,
    ImportAnswer,
    PreviewAnswer,
    RowAnswer,
    show_audience,
    show_import,
    show_preview,
    show_row,
)
from api.dependencies import CurrentActor, TheServices
from api.idempotency import Idempotent
from api.pagination import NumberPaging, PageAnswer, Paging, answer
from api.problems import documented
from api.uploads import StreamedUpload
from heliograph.errors import FieldError, InvalidInput
from heliograph.services import audiences, import_reports, imports
from heliograph.services.context import Actor, Services
from heliograph.services.importing.staging import StagedFile, stage_stream
from heliograph.services.imports import ImportOptions

Options = TypeVar("Options", bound=BaseModel)

router = APIRouter(prefix="/v1/audiences", tags=["audiences"])


class NewAudience(BaseModel):
    """An audience to be made."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(examples=["Spring sale, all countries"])
    description: str = ""
    default_region: str | None = Field(default=None, examples=["DE"])


class ChangedAudience(BaseModel):
    """What is to be changed; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: str = ""
    description: str = ""
    default_region: str | None = None


class ServerFile(ImportOptions):
    """A file on the server's own disk."""

    path: str = Field(description="In one of the directories that the operator lists.")


@router.post("", status_code=201, summary="Create an audience", responses=documented(401, 403, 409, 422))
async def create_audience(body: NewAudience, call: Idempotent) -> AudienceAnswer:
    """An audience without rows; imports fill it."""

    async def create() -> AudienceAnswer:
        made = await audiences.create_audience(
            call.services,
            call.actor,
            name=body.name,
            description=body.description,
            default_region=body.default_region,
        )
        return show_audience(made)

    async def again(audience_id: UUID) -> AudienceAnswer:
        return show_audience(await audiences.get_audience(call.services, call.actor, audience_id))

    return await call.once(AudienceAnswer, create, again)


@router.get("", summary="List audiences, newest first", responses=documented(401, 422))
async def list_audiences(services: TheServices, actor: CurrentActor, paging: Paging) -> PageAnswer[AudienceAnswer]:
    """A page of the workspace's audiences."""
    return answer(await audiences.page_audiences(services, actor, paging), show_audience)


@router.get("/{audience_id}", summary="An audience", responses=documented(401, 404, 422))
async def get_audience(services: TheServices, actor: CurrentActor, audience_id: UUID) -> AudienceAnswer:
    """One audience with its counts."""
    return show_audience(await audiences.get_audience(services, actor, audience_id))


@router.patch("/{audience_id}", summary="Change an audience", responses=documented(401, 403, 404, 422))
async def update_audience(
    services: TheServices, actor: CurrentActor, audience_id: UUID, body: ChangedAudience
) -> AudienceAnswer:
    """Changes name, description or default region. Rows never change."""
    changes = audiences.AudienceChanges(**body.model_dump(exclude_unset=True))  # type: ignore[typeddict-item]
    return show_audience(await audiences.update_audience(services, actor, audience_id, changes))


@router.delete(
    "/{audience_id}", status_code=204, summary="Delete an audience", responses=documented(401, 403, 404, 409, 422)
)
async def delete_audience(services: TheServices, actor: CurrentActor, audience_id: UUID) -> None:
    """409 while an open run sends to it or an import fills it."""
    await audiences.delete_audience(services, actor, audience_id)


@router.get("/{audience_id}/rows", summary="Rows of an audience", responses=documented(401, 404, 422))
async def list_audience_rows(
    services: TheServices, actor: CurrentActor, audience_id: UUID, paging: NumberPaging
) -> PageAnswer[RowAnswer]:
    """A page of rows in the order of import."""
    return answer(await audiences.page_audience_rows(services, actor, audience_id, paging), show_row)


_UPLOAD_FIELDS: Final[dict[str, Any]] = {
    "region": {"type": "string", "description": "ISO 3166-1 alpha-2, for numbers without a country code."},
    "encoding": {"type": "string", "description": "Found in the file for UTF-8 and UTF-16; else say, e.g. cp1252."},
    "separator": {"type": "string", "description": "One of , ; tab |. Found in the header."},
    "phone_column": {"type": "string", "description": "The column of numbers. Recognised by the usual names."},
}
_UPLOAD_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}, **_UPLOAD_FIELDS},
                }
            },
            "application/json": {"schema": ServerFile.model_json_schema()},
        },
    }
}


@router.post(
    "/{audience_id}/imports",
    status_code=201,
    summary="Import a CSV file",
    responses={
        200: {"model": ImportAnswer, "description": "This file was given before: its first import."},
        **documented(400, 401, 403, 404, 409, 413, 422),
    },
    openapi_extra=_UPLOAD_BODY,
)
async def create_import(request: Request, response: Response, call: Idempotent, audience_id: UUID) -> ImportAnswer:
    """Takes the file and answers at once; `GET` the import for its progress. Bad rows go to its reject file."""

    async def start() -> ImportAnswer:
        call.actor.require("campaigns.manage")
        await audiences.get_audience(call.services, call.actor, audience_id)  # before a long upload, not after
        staged, options = await _staged(request, call.services, call.actor)
        started = await imports.start_import(call.services, call.actor, audience_id, staged, options)
        if not started.created:
            response.status_code = 200
        return show_import(started.audience_import)

    async def again(import_id: UUID) -> ImportAnswer:
        return show_import(await imports.get_import(call.services, call.actor, import_id, audience_id=audience_id))

    return await call.once(ImportAnswer, start, again)


@router.post(
    "/{audience_id}/imports/preview",
    summary="See how a CSV file would be read",
    responses=documented(400, 401, 403, 404, 413, 422),
    openapi_extra=_UPLOAD_BODY,
)
async def preview_import(
    request: Request, services: TheServices, actor: CurrentActor, audience_id: UUID
) -> PreviewAnswer:
    """Encoding, separator, columns and the first rows; send the file's first few hundred lines. Stores nothing."""
    actor.require("campaigns.manage")
    staged, options = await _staged(request, services, actor)
    return show_preview(await import_reports.preview_import(services, actor, audience_id, staged, options))


@router.get("/{audience_id}/imports", summary="Imports of an audience", responses=documented(401, 404, 422))
async def list_imports(
    services: TheServices, actor: CurrentActor, audience_id: UUID, paging: Paging
) -> PageAnswer[ImportAnswer]:
    """A page of imports, newest first."""
    return answer(await imports.page_imports(services, actor, audience_id, paging), show_import)


@router.get("/{audience_id}/imports/{import_id}", summary="An import", responses=documented(401, 404, 422))
async def get_import(services: TheServices, actor: CurrentActor, audience_id: UUID, import_id: UUID) -> ImportAnswer:
    """How far it is, what was rejected and why."""
    return show_import(await imports.get_import(services, actor, import_id, audience_id=audience_id))


@router.get(
    "/{audience_id}/imports/{import_id}/rejects",
    summary="Download the rejected rows",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/csv": {}}, "description": "CSV: line, column, rule, reason, then the original fields."},
        **documented(401, 403, 404, 422),
    },
)
async def download_rejects(
    services: TheServices, actor: CurrentActor, audience_id: UUID, import_id: UUID
) -> StreamingResponse:
    """Safe to open in a spreadsheet. Mended, it can be imported again."""
    download = await import_reports.open_rejects(services, actor, import_id, audience_id=audience_id)
    return StreamingResponse(
        download.pieces(),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{download.file_name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )


async def _staged(request: Request, services: Services, actor: Actor) -> tuple[StagedFile, ImportOptions]:
    """The file of a request in the data directory, and what was said of it."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        wanted = _checked(ServerFile, await request.body())
        staged = await imports.stage_server_file(services, actor, wanted.path)
        return staged, ImportOptions(**wanted.model_dump(exclude={"path"}))
    upload = StreamedUpload(request)
    staged = await stage_stream(services.settings, upload.pieces(), lambda: upload.file_name)
    try:
        return staged, _checked(ImportOptions, upload.fields)
    except InvalidInput:
        staged.discard()
        raise


def _checked(model: type[Options], given: bytes | dict[str, str]) -> Options:
    try:
        return model.model_validate_json(given) if isinstance(given, bytes) else model.model_validate(given)
    except ValidationError as error:
        broken = [
            FieldError(".".join(map(str, each["loc"])) or "body", each["msg"], each["type"]) for each in error.errors()
        ]
        raise InvalidInput("; ".join(f"{each.field}: {each.rule}" for each in broken[:3]), errors=broken) from None
