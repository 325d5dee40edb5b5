"""Audiences: CSV data sets of recipients. Their files come in through `heliograph/services/imports.py`."""

from typing import Final, TypedDict
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db import audiences as rows
from heliograph.db.pages import Page, PageRequest
from heliograph.db.tables import Audience, AudienceRow
from heliograph.db.tables.base import now
from heliograph.domain.phone_numbers import REGIONS
from heliograph.errors import Conflict, InvalidInput, NotFound
from heliograph.services.context import Actor, Services, audit
from heliograph.services.rules import checked_name

LONGEST_DESCRIPTION: Final = 2_000


class AudienceChanges(TypedDict, total=False):
    """What can be changed; what is absent stays."""

    name: str
    description: str
    default_region: str | None


def checked_region(region: str | None, *, field: str) -> str | None:
    """An ISO 3166-1 alpha-2 code in capitals, or None; `InvalidInput` for anything else."""
    if region is None or not region.strip():
        return None
    code = region.strip().upper()
    if code not in REGIONS:
        raise InvalidInput.of(field, "is an ISO 3166-1 code of two letters, such as DE or US", "region")
    return code


def _checked_description(description: str) -> str:
    if len(description) > LONGEST_DESCRIPTION:
        raise InvalidInput.of("description", f"has at most {LONGEST_DESCRIPTION:,} characters", "description")
    return description


async def create_audience(
    services: Services, actor: Actor, *, name: str, description: str = "", default_region: str | None = None
) -> Audience:
    """An audience without rows. Names need not be unique: the id tells audiences apart."""
    actor.require("campaigns.manage")
    audience = Audience(
        workspace_id=actor.workspace_id,
        name=checked_name(name),
        description=_checked_description(description),
        default_region=checked_region(default_region, field="default_region"),
    )
    async with services.database.unit_of_work() as session:
        session.add(audience)
        audit(session, actor, "audience.create", audience.id, {"name": audience.name})
    return audience


async def page_audiences(services: Services, actor: Actor, request: PageRequest[UUID]) -> Page[Audience, UUID]:
    """The workspace's audiences, newest first."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        return await rows.page_audiences(session, actor.workspace_id, request)


async def get_audience(services: Services, actor: Actor, audience_id: UUID) -> Audience:
    """One audience of the workspace."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        return await audience_in(session, actor, audience_id)


async def update_audience(services: Services, actor: Actor, audience_id: UUID, changes: AudienceChanges) -> Audience:
    """Changes name, description or default region; the region holds for later imports."""
    actor.require("campaigns.manage")
    async with services.database.unit_of_work() as session:
        audience = await audience_in(session, actor, audience_id, lock=True)
        if "name" in changes:
            audience.name = checked_name(changes["name"])
        if "description" in changes:
            audience.description = _checked_description(changes["description"])
        if "default_region" in changes:
            audience.default_region = checked_region(changes["default_region"], field="default_region")
        audience.updated_at = now()
        audit(session, actor, "audience.update", audience.id, {"changed": sorted(changes)})
    return audience


async def delete_audience(services: Services, actor: Actor, audience_id: UUID) -> None:
    """Takes an audience out of use. Its rows stay for the runs that were sent to them.

    `Conflict` while an open run reads it or an import fills it.
    """
    actor.require("campaigns.manage")
    async with services.database.unit_of_work() as session:
        audience = await audience_in(session, actor, audience_id, lock=True)
        if (run_id := await rows.open_run_of_audience(session, actor.workspace_id, audience_id)) is not None:
            raise Conflict(
                f"the run {run_id} still sends to this audience: stop it or wait for its end", code="audience_in_use"
            )
        if (running := await rows.find_running_import(session, audience_id)) is not None:
            raise Conflict(
                f"the import {running.id} still fills this audience: wait for its end", code="import_running"
            )
        audience.deleted_at = audience.updated_at = now()
        audit(session, actor, "audience.delete", audience.id, {"name": audience.name, "rows": audience.row_count})


async def page_audience_rows(
    services: Services, actor: Actor, audience_id: UUID, request: PageRequest[int]
) -> Page[AudienceRow, int]:
    """Rows in the order of import."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        audience = await audience_in(session, actor, audience_id)
        return await rows.page_rows(session, audience, request)


async def audience_in(session: AsyncSession, actor: Actor, audience_id: UUID, *, lock: bool = False) -> Audience:
    """The audience, in a unit of work; `NotFound` when it is not of this workspace, or deleted."""
    audience = await rows.find_audience(session, actor.workspace_id, audience_id, lock=lock)
    if audience is None:
        raise NotFound("there is no such audience in this workspace")
    return audience
