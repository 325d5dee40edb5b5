"""API keys."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import CurrentActor, TheAuthenticator, TheServices
from api.idempotency import Idempotent
from api.pagination import PageAnswer, Paging, answer
from api.problems import documented
from heliograph.domain.vocabulary import Role
from heliograph.services import api_keys

router = APIRouter(prefix="/v1/api-keys", tags=["API keys"], responses=documented(401, 403, 422))


class ApiKeyAnswer(BaseModel):
    """A key without its text."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str = Field(examples=["shop backend"])
    role: Role
    prefix: str = Field(description="Its first characters, to tell keys apart.", examples=["hg_4fK2a"])
    created_at: datetime
    last_used_at: datetime | None = Field(description="To the minute.")
    revoked_at: datetime | None


class NewApiKey(BaseModel):
    """What a new key is for."""

    name: str = Field(min_length=1, max_length=200, examples=["shop backend"])
    role: Role


class ApiKeyCreated(BaseModel):
    """The key, shown this once."""

    api_key: ApiKeyAnswer
    key: str = Field(description="Give it as `Authorization: Bearer …`. It is not shown again.", examples=["hg_…"])


@router.get("", summary="The workspace's API keys")
async def list_api_keys(services: TheServices, actor: CurrentActor, paging: Paging) -> PageAnswer[ApiKeyAnswer]:
    """Newest first, revoked ones included."""
    return answer(await api_keys.list_api_keys(services, actor, paging), ApiKeyAnswer.model_validate)


@router.post("", status_code=201, summary="Create an API key", responses=documented(409))
async def create_api_key(services: TheServices, call: Idempotent, body: NewApiKey) -> ApiKeyCreated:
    """By an owner or admin; only an owner makes another owner's key."""

    async def create() -> ApiKeyCreated:
        new = await api_keys.create_api_key(services, call.actor, body.name, body.role)
        return ApiKeyCreated(api_key=ApiKeyAnswer.model_validate(new.api_key), key=new.text)

    async def again(api_key_id: UUID) -> ApiKeyCreated:
        row = await api_keys.get_api_key(services, call.actor, api_key_id)
        return ApiKeyCreated(api_key=ApiKeyAnswer.model_validate(row), key=call.open_secret(api_key_id))

    return await call.once(ApiKeyCreated, create, again)


@router.delete("/{api_key_id}", summary="Revoke an API key", responses=documented(404, 409))
async def revoke_api_key(
    services: TheServices,
    authenticator: TheAuthenticator,
    actor: CurrentActor,
    api_key_id: Annotated[UUID, Path(description="The key's id.")],
) -> ApiKeyAnswer:
    """For good. Other API processes may take the key for five seconds more. The last owner key stays (409)."""
    row = await api_keys.revoke_api_key(services, actor, api_key_id)
    authenticator.forget(row.id)
    return ApiKeyAnswer.model_validate(row)
