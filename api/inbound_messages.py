"""Messages from people, and what is made of their words."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import CurrentActor, TheServices
from api.pagination import NO_NUL, PageAnswer, Paging, answer
from api.problems import documented
from heliograph.domain.opt_out import OptOutRules
from heliograph.domain.vocabulary import Channel, Keyword
from heliograph.services import inbound_messages, opt_out

router = APIRouter(tags=["inbound messages"], responses=documented(401, 403, 422))


class InboundAnswer(BaseModel):
    """A message from a person."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    connector_id: UUID
    sender_id: UUID | None = Field(description="Our sender that it was written to, where it is one.")
    channel: Channel
    address: str = Field(description="Who wrote.", examples=["+14155550123"])
    sent_to: str = Field(description="Whom they wrote to, in the provider's words.", examples=["+12015550123"])
    body: str
    keyword: Keyword | None = Field(description="What it asked for, when it was nothing but one of the words.")
    provider_message_id: str = Field(description="Empty where the provider does not name messages.")
    received_at: datetime
    occurred_at: datetime | None = Field(description="By the provider's clock, where it says.")


@router.get("/v1/inbound-messages", summary="Messages from people")
async def list_inbound_messages(
    services: TheServices,
    actor: CurrentActor,
    paging: Paging,
    sender_id: Annotated[UUID | None, Query(description="Only to this sender.")] = None,
    connector_id: Annotated[UUID | None, Query(description="Only over this connector.")] = None,
    address: Annotated[
        str | None,
        Query(max_length=320, pattern=NO_NUL, description="Only from this number in E.164, or e-mail address."),
    ] = None,
    keyword: Annotated[Keyword | None, Query(description="Only those that asked for this.")] = None,
) -> PageAnswer[InboundAnswer]:
    """Newest first."""
    page = await inbound_messages.list_inbound_messages(
        services, actor, paging, sender_id=sender_id, connector_id=connector_id, address=address, keyword=keyword
    )
    return answer(page, InboundAnswer.model_validate)


@router.get("/v1/inbound-messages/{message_id}", summary="A message from a person", responses=documented(404))
async def get_inbound_message(
    services: TheServices, actor: CurrentActor, message_id: Annotated[UUID, Path(description="Its id.")]
) -> InboundAnswer:
    """One message of the workspace."""
    return InboundAnswer.model_validate(await inbound_messages.get_inbound_message(services, actor, message_id))


@router.get("/v1/opt-out-rules", summary="What STOP, START and HELP do")
async def get_opt_out_rules(services: TheServices, actor: CurrentActor) -> OptOutRules:
    """The words of each language and their replies; a workspace that has changed nothing has the defaults."""
    return await opt_out.get_opt_out_rules(services, actor)


@router.put("/v1/opt-out-rules", summary="Change what STOP, START and HELP do")
async def save_opt_out_rules(services: TheServices, actor: CurrentActor, body: OptOutRules) -> OptOutRules:
    """Replaces words, replies and scope whole. What earlier words did stays done."""
    return await opt_out.save_opt_out_rules(services, actor, body)
