"""Workspaces: made complete, each with Twilio as a connector to authenticate and an owner's key."""

import zoneinfo
from typing import Any, Final, TypedDict, cast
from uuid import UUID

import phonenumbers
from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.engine import Database
from heliograph.db.tables import Workspace
from heliograph.db.workspaces import any_workspace, find_workspace, lock_bootstrap
from heliograph.domain.vocabulary import Channel, Role, WorkspaceMode
from heliograph.errors import InvalidInput, NotFound
from heliograph.providers.registry import provider
from heliograph.services.api_keys import NewKey, make_key
from heliograph.services.connectors import new_connector
from heliograph.services.context import Actor, Services, audit
from heliograph.services.rules import checked_name

FIRST_WORKSPACE: Final = "Main"
DEFAULT_PROVIDER: Final = "twilio"


class WorkspaceChanges(TypedDict, total=False):
    """What can be changed; what is absent stays."""

    name: str
    default_region: str | None
    time_zone: str


async def bootstrap(database: Database) -> str | None:
    """Makes the first workspace ("Main", live) where there is none; the text of its owner's key, else None."""
    async with database.unit_of_work() as session:
        await lock_bootstrap(session)
        if await any_workspace(session):
            return None
        workspace = Workspace(name=FIRST_WORKSPACE, mode=WorkspaceMode.LIVE)
        key = await _furnish(session, workspace)
        audit(session, Actor(workspace.id, Role.OWNER, "bootstrap"), "workspace.create", workspace.id)
    return key.text


async def create_workspace(
    services: Services,
    actor: Actor,
    *,
    name: str,
    mode: WorkspaceMode,
    default_region: str | None = None,
    time_zone: str = "UTC",
) -> tuple[Workspace, NewKey]:
    """A new workspace beside the actor's own, with its own owner's key: the actor's key does not open it."""
    actor.require("workspace.manage")
    workspace = Workspace(
        name=checked_name(name),
        mode=mode,
        default_region=_checked_region(default_region),
        time_zone=_checked_time_zone(time_zone),
    )
    async with services.database.unit_of_work() as session:
        key = await _furnish(session, workspace)
        described = {"name": workspace.name, "mode": mode.value}
        sealed = services.key_ring.seal(key.text.encode(), context=workspace.id.bytes)
        audit(session, actor, "workspace.create", workspace.id, described, sealed_secret=sealed)
        within = Actor(workspace.id, actor.role, actor.name, actor.api_key_id)
        audit(session, within, "workspace.create", workspace.id, described)
    return workspace, key


async def get_workspace(services: Services, actor: Actor, workspace_id: UUID | None = None) -> Workspace:
    """The actor's workspace; any other is not there for them."""
    actor.require("read")
    if workspace_id not in (None, actor.workspace_id):
        raise _not_found()
    async with services.database.unit_of_work() as session:
        return await _the_workspace(session, actor.workspace_id)


async def read_created_workspace(services: Services, actor: Actor, workspace_id: UUID) -> Workspace:
    """A workspace that the actor has made: for repeating the answer to that."""
    actor.require("workspace.manage")
    async with services.database.unit_of_work() as session:
        return await _the_workspace(session, workspace_id)


async def update_workspace(
    services: Services, actor: Actor, workspace_id: UUID, changes: WorkspaceChanges
) -> Workspace:
    """Changes name, default region or time zone."""
    actor.require("workspace.manage")
    if workspace_id != actor.workspace_id:
        raise _not_found()
    async with services.database.unit_of_work() as session:
        workspace = await _the_workspace(session, workspace_id)
        if "name" in changes:
            workspace.name = checked_name(changes["name"])
        if "default_region" in changes:
            workspace.default_region = _checked_region(changes["default_region"])
        if "time_zone" in changes:
            workspace.time_zone = _checked_time_zone(changes["time_zone"])
        session.add(workspace)
        audit(session, actor, "workspace.update", workspace.id, cast("dict[str, Any]", dict(changes)))
    return workspace


async def _furnish(session: AsyncSession, workspace: Workspace) -> NewKey:
    session.add(workspace)
    await session.flush()  # the rows below point at it
    twilio = provider(DEFAULT_PROVIDER)
    session.add(new_connector(workspace.id, twilio, name=twilio.name, channel=Channel.SMS))
    key = make_key(workspace.id, "owner", Role.OWNER)
    session.add(key.api_key)
    return key


async def _the_workspace(session: AsyncSession, workspace_id: UUID) -> Workspace:
    workspace = await find_workspace(session, workspace_id)
    if workspace is None:
        raise _not_found()
    return workspace


def _not_found() -> NotFound:
    return NotFound("no such workspace", code="workspace_not_found")


def _checked_region(region: str | None) -> str | None:
    if region is not None and region not in phonenumbers.SUPPORTED_REGIONS:
        raise InvalidInput.of("default_region", "is an ISO 3166-1 alpha-2 code in capitals, such as DE, or null")
    return region


def _checked_time_zone(time_zone: str) -> str:
    if time_zone not in zoneinfo.available_timezones():
        raise InvalidInput.of("time_zone", "is a name of the IANA time zone database, such as Europe/Berlin")
    return time_zone
