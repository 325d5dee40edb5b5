"""Direct messages: one or many, without a campaign."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, Field

from api.dependencies import CurrentActor, TheServices
from api.idempotency import Idempotent
from api.problems import documented
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel, ErrorClass
from heliograph.ids import new_id
from heliograph.providers.protocol import EmailContent
from heliograph.services import messages
from heliograph.services.messages import MessageRequest

router = APIRouter(prefix="/v1/messages", tags=["messages"], responses=documented(401, 403, 422))

MessageId = Annotated[UUID, Path(description="The message's id.")]


class NewMessage(BaseModel):
    """A message to one address."""

    to: str = Field(max_length=320, description="A number, with or without country code, or an e-mail address.")
    body: str = Field(description="The text; of an e-mail its text part.", examples=["Your parcel is on its way."])
    channel: Channel = Channel.SMS
    category: Category = Category.TRANSACTIONAL
    sender_id: UUID | None = Field(default=None, description="By default the default sender of channel and category.")
    type: str | None = Field(default=None, description="Your own word for it.", examples=["medication_request"])
    send_at: AwareDatetime | None = Field(default=None, description="Not before this instant; by default at once.")
    expires_at: AwareDatetime | None = Field(default=None, description="Later than this it is not sent any more.")
    subject: str | None = Field(default=None, max_length=998, description="Of an e-mail.")
    html: str | None = Field(default=None, description="Of an e-mail: its HTML part.")


class NewMessages(BaseModel):
    """Messages to be queued together, or not at all."""

    messages: list[NewMessage] = Field(min_length=1, max_length=messages.MOST_AT_ONCE)


class QueuedAnswer(BaseModel):
    """A message that is queued."""

    id: UUID


class QueuedList(BaseModel):
    """In the order of the request."""

    items: list[QueuedAnswer]


class TryAnswer(BaseModel):
    """One try of a message at a provider."""

    attempt: int
    connector: str | None
    provider: str | None
    sender: str | None
    claimed_at: datetime | None
    outcome: MessageState
    provider_message_id: str | None
    error_class: ErrorClass | None
    error_code: str | None
    error_message: str | None


class ReceiptAnswer(BaseModel):
    """What a provider reported."""

    attempt: int | None
    part: int
    provider_status: str
    state: MessageState
    error_code: str | None
    error_message: str | None
    occurred_at: datetime | None = Field(description="By the provider's clock, where it says.")
    received_at: datetime


class MessageAnswer(BaseModel):
    """A message with everything that happened to it."""

    id: UUID
    channel: Channel
    category: Category
    type: str | None
    to: str
    body: str | None
    parts: int | None
    state: MessageState
    reason: str | None = Field(description="Why it was not sent.")
    hold_reason: str | None = Field(description="Why it waits.")
    run_id: UUID | None
    provider_status: str | None = Field(description="The provider's own word.")
    created_at: datetime
    due_at: datetime
    accepted_at: datetime | None
    final_at: datetime | None
    status_changed_at: datetime
    tries: list[TryAnswer] = Field(description="Every try, the present one last.")
    receipts: list[ReceiptAnswer] = Field(description="In the order of their arrival.")


@router.post("", status_code=202, summary="Send messages", responses=documented(400, 409))
async def send_messages(services: TheServices, call: Idempotent, body: NewMessages) -> QueuedList:
    """Queued in one commit, or refused as a whole; sent as soon as their lane gets to them. With an `Idempotency-Key`
    a repeated call sends nothing again."""
    key = call.actor.idempotency.key if call.actor.idempotency else str(new_id())
    queued = await messages.queue_messages(services, call.actor, [_request(each) for each in body.messages], key=key)
    return QueuedList(items=[QueuedAnswer(id=each.id) for each in queued])


@router.get("/{message_id}", summary="A message and its trace", responses=documented(404))
async def get_message(services: TheServices, actor: CurrentActor, message_id: MessageId) -> MessageAnswer:
    """Its state, every try with the connector and sender that it went through, every receipt, with times."""
    trace = await messages.trace_message(services, actor, message_id)
    row = trace.message
    current = [_try(row, outcome=row["state"])] if row["attempt"] else []
    return MessageAnswer(
        **{name: row[name] for name in MessageAnswer.model_fields if name in row},
        to=row["address"],
        tries=[*(_try(each, outcome=each["outcome"]) for each in trace.attempts), *current],
        receipts=[_receipt(each) for each in trace.receipts],
    )


@router.post("/{message_id}/cancel", status_code=204, summary="Cancel a message", responses=documented(404, 409))
async def cancel_message(services: TheServices, actor: CurrentActor, message_id: MessageId) -> None:
    """409 when it is not queued any more."""
    await messages.cancel_message(services, actor, message_id)


def _request(message: NewMessage) -> MessageRequest:
    email = EmailContent(message.subject, message.html) if message.subject is not None else None
    return MessageRequest(
        to=message.to,
        body=message.body,
        category=message.category,
        channel=message.channel,
        sender_id=message.sender_id,
        type=message.type,
        send_at=message.send_at,
        expires_at=message.expires_at,
        email=email,
    )


def _try(row: dict[str, Any], *, outcome: str) -> TryAnswer:
    return TryAnswer(
        attempt=row["attempt"],
        connector=row["connector_name"],
        provider=row["provider"],
        sender=row["sender_address"],
        claimed_at=row["claimed_at"],
        outcome=MessageState(outcome),
        provider_message_id=row["provider_message_id"],
        error_class=row["error_class"],
        error_code=row["error_code"],
        error_message=row["error_message"],
    )


def _receipt(row: dict[str, Any]) -> ReceiptAnswer:
    return ReceiptAnswer(
        attempt=row["attempt"],
        part=row["part"],
        provider_status=row["status"],
        state=row["state"],
        error_code=row["code"] or None,
        error_message=row["error_message"],
        occurred_at=row["occurred_at"],
        received_at=row["received_at"],
    )
