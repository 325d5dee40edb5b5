"""Workspaces."""

from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import CurrentActor, TheServices
from api.idempotency import Idempotent
from api.problems import documented
from heliograph.db.tables import Workspace
from heliograph.domain.vocabulary import WorkspaceMode
from heliograph.services import workspaces

router = APIRouter(prefix="/v1/workspaces", tags=["workspaces"], responses=documented(401, 403, 422))

WorkspaceId = Annotated[UUID, Path(description="The workspace's id.")]
Region = Annotated[
    str | None,
    Field(description="ISO 3166-1 alpha-2, for numbers without a country code.", min_length=2, max_length=2),
]
TimeZone = Annotated[str, Field(description="IANA name, for contacts without a zone.", max_length=64)]


class WorkspaceAnswer(BaseModel):
    """A tenant, live or test, complete in itself."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str = Field(examples=["Main"])
    mode: WorkspaceMode
    default_region: Region = Field(examples=["DE"])
    time_zone: TimeZone = Field(examples=["Europe/Berlin"])
    created_at: datetime


class NewWorkspace(BaseModel):
    """What a new workspace is to be."""

    name: str = Field(min_length=1, max_length=200, examples=["Staging"])
    mode: WorkspaceMode
    default_region: Region = Field(default=None, examples=["DE"])
    time_zone: TimeZone = Field(default="UTC", examples=["Europe/Berlin"])


class WorkspaceCreated(BaseModel):
    """The workspace and the key that opens it, shown this once."""

    workspace: WorkspaceAnswer
    owner_key: str = Field(description="An owner's API key. Keep it: it is not shown again.", examples=["hg_…"])


class WorkspaceUpdate(BaseModel):
    """What is to change; what is absent stays."""

    name: str = Field(default="", min_length=1, max_length=200)
    default_region: Region = None
    time_zone: TimeZone = "UTC"


@router.get("/current", summary="The workspace of this API key", responses=documented(503))
async def get_current_workspace(services: TheServices, actor: CurrentActor) -> WorkspaceAnswer:
    """For a client that knows only its key."""
    return WorkspaceAnswer.model_validate(await workspaces.get_workspace(services, actor))


@router.get("/{workspace_id}", summary="A workspace", responses=documented(404))
async def get_workspace(services: TheServices, actor: CurrentActor, workspace_id: WorkspaceId) -> WorkspaceAnswer:
    """404 for any workspace but the key's own."""
    return WorkspaceAnswer.model_validate(await workspaces.get_workspace(services, actor, workspace_id))


@router.post("", status_code=201, summary="Create a workspace", responses=documented(409))
async def create_workspace(services: TheServices, call: Idempotent, body: NewWorkspace) -> WorkspaceCreated:
    """By an owner. It starts with Twilio as a connector, not authenticated yet, and its own owner's key."""

    async def create() -> WorkspaceCreated:
        workspace, key = await workspaces.create_workspace(services, call.actor, **body.model_dump())
        return _created(workspace, key.text)

    async def again(workspace_id: UUID) -> WorkspaceCreated:
        workspace = await workspaces.read_created_workspace(services, call.actor, workspace_id)
        return _created(workspace, call.open_secret(workspace_id))

    return await call.once(WorkspaceCreated, create, again)


@router.patch("/{workspace_id}", summary="Change a workspace", responses=documented(404))
async def update_workspace(
    services: TheServices, actor: CurrentActor, workspace_id: WorkspaceId, body: WorkspaceUpdate
) -> WorkspaceAnswer:
    """By an owner: name, default region, time zone."""
    changes = cast("workspaces.WorkspaceChanges", body.model_dump(exclude_unset=True))
    return WorkspaceAnswer.model_validate(await workspaces.update_workspace(services, actor, workspace_id, changes))


def _created(workspace: Workspace, key: str) -> WorkspaceCreated:
    return WorkspaceCreated(workspace=WorkspaceAnswer.model_validate(workspace), owner_key=key)
