"""Templates: created, edited into new versions, looked at, compared, previewed, archived."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.engine import Database
from heliograph.db.pages import Page, PageRequest
from heliograph.db.tables import Template, TemplateVersion
from heliograph.db.tables.base import now
from heliograph.db.templates import (
    find_audience_row,
    find_template,
    find_version,
    page_templates,
    page_versions,
    read_source,
)
from heliograph.domain.vocabulary import Channel
from heliograph.errors import Conflict, InvalidInput, NotFound
from heliograph.rendering import CompiledTemplate, TemplateCache, compile_template
from heliograph.services.context import Actor, Services, audit
from heliograph.services.rules import checked_name
from heliograph.services.template_text import (
    Preview,
    TemplateChanges,
    TemplateText,
    changed,
    checked,
    difference,
    is_unchanged,
    preview,
)

LONGEST_DESCRIPTION = 2_000
LONGEST_TAG = 50
MOST_TAGS = 20


@dataclass(frozen=True, slots=True)
class VersionedTemplate:
    """A template with one of its versions."""

    template: Template
    version: TemplateVersion


async def create_template(
    services: Services,
    actor: Actor,
    name: str,
    text: TemplateText,
    *,
    description: str = "",
    tags: Sequence[str] = (),
) -> VersionedTemplate:
    """A template with version 1."""
    actor.require("campaigns.manage")
    template = Template(
        workspace_id=actor.workspace_id,
        name=checked_name(name),
        description=_checked_description(description),
        tags=_checked_tags(tags),
        channel=Channel.SMS,
    )
    version = _next_version(template, text, await checked(text))
    async with services.database.unit_of_work() as session:
        session.add(template)
        await session.flush()
        session.add(version)
        audit(session, actor, "template.create", template.id, {"name": template.name, "version": version.number})
    return VersionedTemplate(template, version)


async def edit_template(
    services: Services,
    actor: Actor,
    template_id: UUID,
    changes: TemplateChanges,
    *,
    name: str | None = None,
    description: str | None = None,
    tags: Sequence[str] | None = None,
) -> VersionedTemplate:
    """Replaces what is given. Another text makes a new version; campaigns stay on the version they pinned."""
    actor.require("campaigns.manage")
    async with services.database.unit_of_work() as session:
        template = await _template(session, actor, template_id, lock=True)
        if template.archived_at is not None:
            raise Conflict("the template is archived: it cannot be edited", code="archived")
        version = await _version(session, actor, template, template.latest_version)
        text, compiled = await changed(version, changes)
        if not is_unchanged(version, text):
            version = _next_version(template, text, compiled)
            session.add(version)
        template.name = template.name if name is None else checked_name(name)
        template.description = template.description if description is None else _checked_description(description)
        template.tags = template.tags if tags is None else _checked_tags(tags)
        template.updated_at = now()
        audit(session, actor, "template.edit", template.id, {"name": template.name, "version": version.number})
    return VersionedTemplate(template, version)


async def get_template(
    services: Services, actor: Actor, template_id: UUID, *, number: int | None = None
) -> VersionedTemplate:
    """A template with the version of that number, by default the latest."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        template = await _template(session, actor, template_id)
        wanted = template.latest_version if number is None else number
        return VersionedTemplate(template, await _version(session, actor, template, wanted))


async def list_templates(
    services: Services,
    actor: Actor,
    request: PageRequest[UUID],
    *,
    name_contains: str | None = None,
    tag: str | None = None,
    archived: bool = False,
) -> Page[Template, UUID]:
    """Templates in use, or those archived, newest first; by a part of the name in any case, by a tag."""
    actor.require("read")
    for field, searched in (("name", name_contains), ("tag", tag)):
        if searched is not None and not searched.isprintable():
            raise InvalidInput.of(field, "has printable characters only", "unprintable")
    async with services.database.unit_of_work() as session:
        return await page_templates(
            session, actor.workspace_id, request, name_contains=name_contains, tag=tag, archived=archived
        )


async def list_versions(
    services: Services, actor: Actor, template_id: UUID, request: PageRequest[int]
) -> Page[TemplateVersion, int]:
    """The versions of a template, the latest first."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        return await page_versions(session, await _template(session, actor, template_id), request)


async def compare_versions(services: Services, actor: Actor, template_id: UUID, before: int, after: int) -> str:
    """What changed between two versions, as a unified diff; empty when they say the same."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        template = await _template(session, actor, template_id)
        return difference(
            await _version(session, actor, template, before), await _version(session, actor, template, after)
        )


async def archive_template(services: Services, actor: Actor, template_id: UUID) -> Template:
    """Takes a template out of use; again is no error. What has pinned one of its versions goes on with it."""
    actor.require("campaigns.manage")
    async with services.database.unit_of_work() as session:
        template = await _template(session, actor, template_id, lock=True)
        if template.archived_at is None:
            template.archived_at = template.updated_at = now()
            audit(session, actor, "template.archive", template.id, {"name": template.name})
    return template


async def preview_template(
    services: Services,
    actor: Actor,
    template_id: UUID,
    variables: Mapping[str, Any] | None = None,
    *,
    number: int | None = None,
    audience_id: UUID | None = None,
    row: int | None = None,
) -> Preview:
    """What a recipient would get: one with these variables, or a row of an audience, over which these variables win."""
    found = await get_template(services, actor, template_id, number=number)
    merged = {**await _variables_of_row(services, actor, audience_id, row), **(variables or {})}
    return await preview(compiled_version(found.version), merged)


async def preview_text(services: Services, actor: Actor, text: TemplateText, variables: Mapping[str, Any]) -> Preview:
    """The preview of a text that is not stored."""
    del services
    actor.require("read")
    return await preview(await checked(text), variables)


async def load_compiled(database: Database, cache: TemplateCache, template_version_id: UUID) -> CompiledTemplate:
    """The compiled version that a run has pinned; for the send path. `NotFound` when there is none."""
    compiled = cache.get(template_version_id)
    if compiled is None:
        async with database.pool.acquire() as connection:
            source = await read_source(connection, template_version_id)
        if source is None:
            raise NotFound("no such template version", code="template_version_not_found")
        compiled = compile_template(source.body, source.fallbacks, source.missing_variable, source.smart_encoding)
        cache.put(template_version_id, compiled)
    return compiled


def compiled_version(version: TemplateVersion) -> CompiledTemplate:
    """A stored version, ready to render."""
    return compile_template(version.body, version.fallbacks, version.missing_variable, version.smart_encoding)


async def _template(session: AsyncSession, actor: Actor, template_id: UUID, *, lock: bool = False) -> Template:
    template = await find_template(session, actor.workspace_id, template_id, lock=lock)
    if template is None:
        raise NotFound("no such template in this workspace", code="template_not_found")
    return template


async def _version(session: AsyncSession, actor: Actor, template: Template, number: int) -> TemplateVersion:
    version = await find_version(session, actor.workspace_id, template.id, number)
    if version is None:
        raise NotFound(
            f"the template has no version {number}: its latest is {template.latest_version}",
            code="template_version_not_found",
        )
    return version


def _next_version(template: Template, text: TemplateText, compiled: CompiledTemplate) -> TemplateVersion:
    template.latest_version += 1
    return TemplateVersion(
        workspace_id=template.workspace_id,
        template_id=template.id,
        number=template.latest_version,
        body=text.body,
        variables=list(compiled.variables),
        fallbacks=dict(text.fallbacks or {}),
        missing_variable=text.policy,
        smart_encoding=text.smart_encoding,
    )


async def _variables_of_row(
    services: Services, actor: Actor, audience_id: UUID | None, row: int | None
) -> Mapping[str, Any]:
    if audience_id is None and row is None:
        return {}
    if audience_id is None or row is None:
        raise InvalidInput.of("audience_id", "and row go together: the row's number, from 1", "incomplete")
    async with services.database.unit_of_work() as session:
        found = await find_audience_row(session, actor.workspace_id, audience_id, row)
    if found is None:
        raise NotFound(f"no row {row} in this audience, or no such audience", code="audience_row_not_found")
    return found.variables


def _checked_description(description: str) -> str:
    description = description.strip()
    printable = all(line.isprintable() for line in description.splitlines())
    if len(description) > LONGEST_DESCRIPTION or not printable:
        raise InvalidInput.of("description", f"has up to {LONGEST_DESCRIPTION:,} printable characters", "description")
    return description


def _checked_tags(tags: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(tag.strip() for tag in tags))
    if len(found) > MOST_TAGS:
        raise InvalidInput.of("tags", f"are {MOST_TAGS} at most", "too_many")
    for index, tag in enumerate(found):
        if not tag or len(tag) > LONGEST_TAG or not tag.isprintable():
            raise InvalidInput.of(f"tags.{index}", f"has 1 to {LONGEST_TAG} printable characters", "tag")
    return found
