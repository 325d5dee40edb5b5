"""Templates and their versions in SQL."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.engine import Connection
from heliograph.db.pages import Page, PageRequest, newest_first, page_of
from heliograph.db.tables import AudienceRow, Template, TemplateVersion
from heliograph.domain.vocabulary import MissingVariable


async def find_template(
    session: AsyncSession, workspace_id: UUID, template_id: UUID, *, lock: bool = False
) -> Template | None:
    """One template, archived or not; `lock` holds it until the commit, so that its versions are numbered in turn."""
    statement = select(Template).where(Template.id == template_id, Template.workspace_id == workspace_id)
    return (await session.exec(statement.with_for_update() if lock else statement)).one_or_none()


async def page_templates(
    session: AsyncSession,
    workspace_id: UUID,
    request: PageRequest[UUID],
    *,
    name_contains: str | None,
    tag: str | None,
    archived: bool,
) -> Page[Template, UUID]:
    """Templates, newest first: those in use, or those archived."""
    statement = select(Template).where(
        Template.workspace_id == workspace_id, col(Template.archived_at).is_not(None) == archived
    )
    if name_contains is not None:
        statement = statement.where(col(Template.name).icontains(name_contains, autoescape=True))
    if tag is not None:
        statement = statement.where(col(Template.tags).contains([tag]))
    return await newest_first(session, statement, col(Template.id), request, lambda template: template.id)


async def find_version(
    session: AsyncSession, workspace_id: UUID, template_id: UUID, number: int
) -> TemplateVersion | None:
    """One version by its number."""
    statement = select(TemplateVersion).where(
        TemplateVersion.template_id == template_id,
        TemplateVersion.workspace_id == workspace_id,
        TemplateVersion.number == number,
    )
    return (await session.exec(statement)).one_or_none()


async def page_versions(
    session: AsyncSession, template: Template, request: PageRequest[int]
) -> Page[TemplateVersion, int]:
    """The versions of a template, the latest first; `after` is a number already seen."""
    statement = select(TemplateVersion).where(TemplateVersion.template_id == template.id)
    if request.after is not None:
        statement = statement.where(TemplateVersion.number < request.after)
    rows = (await session.exec(statement.order_by(col(TemplateVersion.number).desc()).limit(request.limit + 1))).all()
    return page_of(rows, request, lambda version: version.number)


async def find_audience_row(
    session: AsyncSession, workspace_id: UUID, audience_id: UUID, number: int
) -> AudienceRow | None:
    """One recipient of an audience."""
    statement = select(AudienceRow).where(
        AudienceRow.audience_id == audience_id,
        AudienceRow.number == number,
        AudienceRow.workspace_id == workspace_id,
    )
    return (await session.exec(statement)).one_or_none()


@dataclass(frozen=True, slots=True)
class TemplateSource:
    """All that decides what a version renders."""

    body: str
    fallbacks: dict[str, str]
    missing_variable: MissingVariable
    smart_encoding: bool


async def read_source(connection: Connection, template_version_id: UUID) -> TemplateSource | None:
    """The source of a pinned version. Whoever pinned it has checked its workspace."""
    row = await connection.fetchrow(
        """
        SELECT body, fallbacks, missing_variable::text AS missing_variable, smart_encoding
        FROM template_version WHERE id = $1
        """,
        template_version_id,
    )
    if row is None:
        return None
    return TemplateSource(
        row["body"], row["fallbacks"], MissingVariable(row["missing_variable"]), row["smart_encoding"]
    )
