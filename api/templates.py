"""`/v1/templates`: message texts with variables, their versions and previews."""

from datetime import datetime
from typing import Annotated, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import CurrentActor, TheServices
from api.idempotency import Idempotent
from api.pagination import NumberPaging, PageAnswer, Paging, answer
from api.problems import documented
from heliograph.db.tables import Template, TemplateVersion
from heliograph.domain.message_parts import Encoding
from heliograph.domain.vocabulary import Channel, MissingVariable
from heliograph.services import templates
from heliograph.services.template_text import Preview, TemplateChanges, TemplateText

router = APIRouter(prefix="/v1/templates", tags=["templates"], responses=documented(401, 403, 422))

Value: TypeAlias = str | int | float | bool | None
VersionNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TextRequest(_Request):
    """The text of a template."""

    body: str = Field(description="Text with `{{ variables }}`; see the list of what it may say in the documentation.")
    fallbacks: dict[str, str] = Field(default={}, description="Variable → what stands in for it, under `fallback`.")
    missing_variable: MissingVariable | None = Field(
        default=None,
        description="What a missing or blank variable does: `refuse` the recipient, or use the `fallback`. "
        "Without it, `fallback` where fallbacks are given, else `refuse`.",
    )
    smart_encoding: bool = Field(default=False, description="Replace typographic characters where that makes GSM-7.")

    def text(self) -> TemplateText:
        """As the service takes it."""
        return TemplateText(self.body, self.fallbacks, self.missing_variable, self.smart_encoding)


class TemplateRequest(TextRequest):
    """A new template."""

    name: str
    description: str = ""
    tags: list[str] = []


class TemplateEdit(_Request):
    """What to replace; what is absent stays. A change of the text makes a new version."""

    name: str | None = None
    description: str | None = None
    tags: list[str] | None = None
    body: str | None = None
    fallbacks: dict[str, str] | None = None
    missing_variable: MissingVariable | None = None
    smart_encoding: bool | None = None

    def changes(self) -> TemplateChanges:
        """As the service takes them."""
        return TemplateChanges(self.body, self.fallbacks, self.missing_variable, self.smart_encoding)


class VariablesRequest(_Request):
    """The recipient of a preview."""

    variables: dict[str, Value] = Field(default={}, description="They win over those of the audience's row.")


class PreviewRequest(VariablesRequest):
    """The recipient of a preview of a stored template."""

    version: int | None = Field(default=None, ge=1, le=2**31 - 1, description="By default the latest.")
    audience_id: UUID | None = None
    row: int | None = Field(default=None, ge=1, le=2**63 - 1, description="The row of the audience, from 1.")


class TextPreviewRequest(VariablesRequest, TextRequest):
    """A text that is not stored, and its recipient."""


class VersionAnswer(BaseModel):
    """A version; it never changes."""

    id: UUID
    number: int
    body: str
    variables: list[str] = Field(description="The names that the body asks for.")
    fallbacks: dict[str, str]
    missing_variable: MissingVariable
    smart_encoding: bool
    created_at: datetime

    @classmethod
    def of(cls, version: TemplateVersion) -> "VersionAnswer":
        """As stored."""
        return cls.model_validate(version, from_attributes=True)


class TemplateSummary(BaseModel):
    """A template in a list."""

    id: UUID
    name: str
    description: str
    tags: list[str]
    channel: Channel
    latest_version: int
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None

    @classmethod
    def of(cls, template: Template) -> "TemplateSummary":
        """As stored."""
        return cls.model_validate(template, from_attributes=True)


class TemplateAnswer(TemplateSummary):
    """A template with one version, by default the latest."""

    version: VersionAnswer

    @classmethod
    def with_version(cls, found: templates.VersionedTemplate) -> "TemplateAnswer":
        """As stored."""
        summary = TemplateSummary.of(found.template).model_dump()
        return cls(**summary, version=VersionAnswer.of(found.version))


class DifferenceAnswer(BaseModel):
    """Two versions side by side."""

    before: int
    after: int
    diff: str = Field(description="A unified diff of settings and body; empty when they say the same.")


class ForcingCharacterAnswer(BaseModel):
    """A character that forces UCS-2 on the whole message."""

    character: str
    name: str
    positions: list[int] = Field(description="Offsets in the message, from 0.")


class PreviewAnswer(BaseModel):
    """What the recipient would get: a message, or nothing and why."""

    body: str | None
    encoding: Encoding | None
    parts: int | None
    units: int | None = Field(description="Septets (gsm7) or UTF-16 units (ucs2).")
    units_left_in_last_part: int | None
    forcing_characters: list[ForcingCharacterAnswer]
    missing_variables: list[str]
    refusal: str | None = Field(description="missing_variable, empty_message or message_too_long; null for a message.")
    reason: str | None

    @classmethod
    def of(cls, preview: Preview) -> "PreviewAnswer":
        """As rendered."""
        parts = preview.parts
        return cls(
            body=preview.body,
            encoding=parts and parts.encoding,
            parts=parts and parts.parts,
            units=parts and parts.units,
            units_left_in_last_part=parts and parts.units_left_in_last_part,
            forcing_characters=[
                ForcingCharacterAnswer(character=each.character, name=each.name, positions=list(each.positions))
                for each in preview.forcing_characters
            ],
            missing_variables=preview.missing_variables,
            refusal=preview.refusal,
            reason=preview.reason,
        )


@router.post("", status_code=201, responses=documented(409))
async def create_template(request: TemplateRequest, call: Idempotent) -> TemplateAnswer:
    """Stores a template with version 1."""

    async def create() -> TemplateAnswer:
        made = await templates.create_template(
            call.services,
            call.actor,
            request.name,
            request.text(),
            description=request.description,
            tags=request.tags,
        )
        return TemplateAnswer.with_version(made)

    async def again(template_id: UUID) -> TemplateAnswer:
        return TemplateAnswer.with_version(
            await templates.get_template(call.services, call.actor, template_id, number=1)
        )

    return await call.once(TemplateAnswer, create, again)


@router.get("")
async def list_templates(
    actor: CurrentActor,
    services: TheServices,
    paging: Paging,
    name: Annotated[str | None, Query(max_length=200, description="A part of the name, in any case.")] = None,
    tag: Annotated[str | None, Query(max_length=50)] = None,
    archived: Annotated[bool, Query(description="Those archived instead of those in use.")] = False,
) -> PageAnswer[TemplateSummary]:
    """Templates, newest first."""
    page = await templates.list_templates(services, actor, paging, name_contains=name, tag=tag, archived=archived)
    return answer(page, TemplateSummary.of)


@router.post("/preview")
async def preview_template_text(
    actor: CurrentActor, services: TheServices, request: TextPreviewRequest
) -> PreviewAnswer:
    """Previews a text that is not stored, as an editor does."""
    return PreviewAnswer.of(await templates.preview_text(services, actor, request.text(), request.variables))


@router.get("/{template_id}", responses=documented(404))
async def get_template(actor: CurrentActor, services: TheServices, template_id: UUID) -> TemplateAnswer:
    """A template with its latest version."""
    return TemplateAnswer.with_version(await templates.get_template(services, actor, template_id))


@router.patch("/{template_id}", responses=documented(404, 409))
async def edit_template(
    actor: CurrentActor, services: TheServices, template_id: UUID, request: TemplateEdit
) -> TemplateAnswer:
    """Replaces what is given; another text makes a new version."""
    edited = await templates.edit_template(
        services,
        actor,
        template_id,
        request.changes(),
        name=request.name,
        description=request.description,
        tags=request.tags,
    )
    return TemplateAnswer.with_version(edited)


@router.post("/{template_id}/archive", responses=documented(404, 409))
async def archive_template(template_id: UUID, call: Idempotent) -> TemplateSummary:
    """Takes a template out of use. What has pinned one of its versions goes on with it."""

    async def archive() -> TemplateSummary:
        return TemplateSummary.of(await templates.archive_template(call.services, call.actor, template_id))

    async def again(_: UUID) -> TemplateSummary:
        return await archive()

    return await call.once(TemplateSummary, archive, again)


@router.post("/{template_id}/preview", responses=documented(404))
async def preview_template(
    actor: CurrentActor, services: TheServices, template_id: UUID, request: PreviewRequest
) -> PreviewAnswer:
    """What one recipient would get: encoding, parts, the characters that force UCS-2, missing variables."""
    preview = await templates.preview_template(
        services,
        actor,
        template_id,
        request.variables,
        number=request.version,
        audience_id=request.audience_id,
        row=request.row,
    )
    return PreviewAnswer.of(preview)


@router.get("/{template_id}/versions", responses=documented(404))
async def list_template_versions(
    actor: CurrentActor, services: TheServices, template_id: UUID, paging: NumberPaging
) -> PageAnswer[VersionAnswer]:
    """Its versions, the latest first."""
    return answer(await templates.list_versions(services, actor, template_id, paging), VersionAnswer.of)


@router.get("/{template_id}/versions/{number}", responses=documented(404))
async def get_template_version(
    actor: CurrentActor, services: TheServices, template_id: UUID, number: VersionNumber
) -> VersionAnswer:
    """One version."""
    return VersionAnswer.of((await templates.get_template(services, actor, template_id, number=number)).version)


@router.get("/{template_id}/difference", responses=documented(404))
async def compare_template_versions(
    actor: CurrentActor,
    services: TheServices,
    template_id: UUID,
    before: Annotated[int, Query(ge=1, le=2**31 - 1)],
    after: Annotated[int, Query(ge=1, le=2**31 - 1)],
) -> DifferenceAnswer:
    """What changed between two versions."""
    diff = await templates.compare_versions(services, actor, template_id, before, after)
    return DifferenceAnswer(before=before, after=after, diff=diff)
