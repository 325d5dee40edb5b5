"""Suppressions: who must not be sent to."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import CurrentActor, TheServices
from api.idempotency import Idempotent
from api.pagination import NO_NUL, PageAnswer, Paging, answer
from api.problems import documented
from heliograph.domain.vocabulary import Channel
from heliograph.services import suppressions

router = APIRouter(prefix="/v1/suppressions", tags=["suppressions"], responses=documented(401, 403, 422))

SuppressionId = Annotated[UUID, Path(description="The suppression's id.")]


class SuppressionAnswer(BaseModel):
    """An address that is not sent to."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    channel: Channel
    address: str = Field(examples=["+14155550123"])
    sender_id: UUID | None = Field(description="By this sender only; null: by none.")
    reason: str = Field(description="`opt_out`: the person asked for it; `manual`: somebody set it.")
    source: str = Field(description="Where it came from: an inbound message, a provider's refusal, an API key.")
    created_at: datetime


class NewSuppression(BaseModel):
    """An address that is not to be sent to."""

    address: str = Field(max_length=320, description="A number, with or without country code, or an e-mail address.")
    channel: Channel = Channel.SMS
    sender_id: UUID | None = Field(default=None, description="By this sender only; by default by none.")


@router.get("", summary="Who is not sent to")
async def list_suppressions(
    services: TheServices,
    actor: CurrentActor,
    paging: Paging,
    address: Annotated[
        str | None, Query(max_length=320, pattern=NO_NUL, description="A number in E.164, or an address.")
    ] = None,
    sender_id: Annotated[UUID | None, Query(description="Only for this sender.")] = None,
    channel: Annotated[Channel | None, Query(description="Only for this channel.")] = None,
    reason: Annotated[str | None, Query(max_length=64, pattern=NO_NUL, description="Only for this reason.")] = None,
) -> PageAnswer[SuppressionAnswer]:
    """Newest first."""
    page = await suppressions.list_suppressions(
        services, actor, paging, address=address, sender_id=sender_id, channel=channel, reason=reason
    )
    return answer(page, SuppressionAnswer.model_validate)


@router.post("", status_code=201, summary="Suppress an address", responses=documented(409))
async def suppress(services: TheServices, call: Idempotent, body: NewSuppression) -> SuppressionAnswer:
    """From now on it is excluded from every run, also from those under way, and direct messages to it are not sent.
    A START does not lift it. Of an address that is suppressed already, the same suppression is answered."""

    async def change() -> SuppressionAnswer:
        found = await suppressions.suppress(
            services, call.actor, channel=body.channel, address=body.address, sender_id=body.sender_id
        )
        return SuppressionAnswer.model_validate(found)

    async def again(suppression_id: UUID) -> SuppressionAnswer:
        return SuppressionAnswer.model_validate(
            await suppressions.get_suppression(services, call.actor, suppression_id)
        )

    return await call.once(SuppressionAnswer, change, again)


@router.get("/{suppression_id}", summary="A suppression", responses=documented(404))
async def get_suppression(
    services: TheServices, actor: CurrentActor, suppression_id: SuppressionId
) -> SuppressionAnswer:
    """One suppression of the workspace."""
    return SuppressionAnswer.model_validate(await suppressions.get_suppression(services, actor, suppression_id))


@router.delete("/{suppression_id}", status_code=204, summary="Lift a suppression", responses=documented(404))
async def lift_suppression(services: TheServices, actor: CurrentActor, suppression_id: SuppressionId) -> None:
    """The address may be sent to again, also where the person had asked for it: be sure that they want it."""
    await suppressions.lift(services, actor, suppression_id)
