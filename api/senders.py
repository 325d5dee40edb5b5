"""Senders: what messages come from."""

from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from api.connectors import Rate
from api.dependencies import CurrentActor, TheServices
from api.idempotency import Idempotent
from api.pagination import PageAnswer, Paging, answer
from api.problems import documented
from heliograph.db.tables import Sender
from heliograph.domain.vocabulary import Category, Channel
from heliograph.services import senders

router = APIRouter(prefix="/v1/senders", tags=["senders"], responses=documented(401, 403, 422))

SenderId = Annotated[UUID, Path(description="The sender's id.")]
Kind = Annotated[str, Field(max_length=64, description="One of the provider's kinds: see `GET /v1/providers`.")]
Address = Annotated[str, Field(max_length=320, description="Number, code, name or service, by its kind.")]
Label = Annotated[str, Field(max_length=200, description="A name for people.")]


class SenderAnswer(BaseModel):
    """A sender."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    connector_id: UUID
    kind: str = Field(examples=["long_code"])
    address: str = Field(examples=["+14155550100"])
    name: str = Field(examples=["US number"])
    channel: Channel
    category: Category
    is_default: bool = Field(description="Exactly one per channel and category.")
    messages_per_second: float | None = Field(examples=[10.0])
    created_at: datetime
    updated_at: datetime


class NewSender(BaseModel):
    """A sender of a connector, for one category."""

    connector_id: UUID
    kind: Kind = Field(examples=["messaging_service"])
    address: Address = Field(examples=["MG9752274e9e519418a7406176694466fa"])
    category: Category
    name: Label = ""
    is_default: bool = Field(default=False, description="The first of a channel and category is it anyway.")
    messages_per_second: Rate = None


class SenderUpdate(BaseModel):
    """What is to change; what is absent stays."""

    name: Label = ""
    kind: Kind = ""
    address: Address = ""
    messages_per_second: Rate = None


class SettingsUpdated(BaseModel):
    """Done."""

    message: str = Field(default=senders.SAVED, examples=[senders.SAVED])


class SenderSaved(SettingsUpdated):
    """Done; the sender as it is now."""

    sender: SenderAnswer


@router.get("", summary="The workspace's senders")
async def list_senders(
    services: TheServices,
    actor: CurrentActor,
    paging: Paging,
    connector_id: Annotated[UUID | None, Query(description="Only of this connector.")] = None,
    channel: Annotated[Channel | None, Query(description="Only for this channel.")] = None,
    category: Annotated[Category | None, Query(description="Only for this category.")] = None,
) -> PageAnswer[SenderAnswer]:
    """Newest first."""
    page = await senders.list_senders(
        services, actor, paging, connector_id=connector_id, channel=channel, category=category
    )
    return answer(page, SenderAnswer.model_validate)


@router.post("", status_code=201, summary="Create a sender", responses=documented(400, 404, 409, 502))
async def create_sender(services: TheServices, call: Idempotent, body: NewSender) -> SenderSaved:
    """Checked by the rule of its kind and with the provider.

    400 when its form is wrong (`errors` names the rule) or the provider does not know it, 401 when the provider
    refuses the connector's credentials, 409 when there are none yet, 502 when the provider fails three times.
    """

    async def create() -> SenderSaved:
        return _saved(await senders.create_sender(services, call.actor, **body.model_dump()))

    async def again(sender_id: UUID) -> SenderSaved:
        return _saved(await senders.get_sender(services, call.actor, sender_id))

    return await call.once(SenderSaved, create, again)


@router.get("/{sender_id}", summary="A sender", responses=documented(404))
async def get_sender(services: TheServices, actor: CurrentActor, sender_id: SenderId) -> SenderAnswer:
    """One sender of the workspace."""
    return SenderAnswer.model_validate(await senders.get_sender(services, actor, sender_id))


@router.patch("/{sender_id}", summary="Change a sender", responses=documented(400, 404, 409, 502))
async def update_sender(
    services: TheServices, actor: CurrentActor, sender_id: SenderId, body: SenderUpdate
) -> SenderSaved:
    """A new kind or address is checked as for a new sender."""
    changes = cast("senders.SenderChanges", body.model_dump(exclude_unset=True))
    return _saved(await senders.update_sender(services, actor, sender_id, changes))


@router.post("/{sender_id}/default", summary="Make a sender the default", responses=documented(404, 409))
async def make_sender_default(services: TheServices, call: Idempotent, sender_id: SenderId) -> SenderSaved:
    """Of its channel and category, in place of the present one, in one step."""

    async def switch() -> SenderSaved:
        return _saved(await senders.make_default(services, call.actor, sender_id))

    async def again(sender_id: UUID) -> SenderSaved:
        return _saved(await senders.get_sender(services, call.actor, sender_id))

    return await call.once(SenderSaved, switch, again)


@router.delete("/{sender_id}", summary="Delete a sender", responses=documented(404, 409))
async def delete_sender(services: TheServices, actor: CurrentActor, sender_id: SenderId) -> SettingsUpdated:
    """The default sender cannot be deleted (409). What used this sender sends with the default one."""
    await senders.delete_sender(services, actor, sender_id)
    return SettingsUpdated()


def _saved(sender: Sender) -> SenderSaved:
    return SenderSaved(sender=SenderAnswer.model_validate(sender))
