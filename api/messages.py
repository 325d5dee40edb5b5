"""Direct messages: one or many, without a campaign."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, FastAPI, Path, Request
from pydantic import AwareDatetime, BaseModel, Field

from api.dependencies import CurrentActor, TheServices
from api.idempotency import Idempotent, IdempotentCall
from api.problems import documented
from api.senders import SenderId
from heliograph.db.messages import MessageTrace
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel, ErrorClass
from heliograph.domain.webhooks import Callback
from heliograph.ids import new_id
from heliograph.providers.protocol import EmailContent
from heliograph.rendering.cache import TemplateCache
from heliograph.services import messages
from heliograph.services.context import Services
from heliograph.services.message_requests import MessageRequest
from heliograph.services.sending import SendingEngine


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Runs the engine of this process: what is sent inside requests goes through it."""
    services: Services = app.state.services
    engine = SendingEngine(services.database, services.connections, TemplateCache(), services.settings)
    async with engine.running():
        app.state.engine = engine
        yield


router = APIRouter(prefix="/v1/messages", tags=["messages"], responses=documented(401, 403, 422), lifespan=_lifespan)
senders_router = APIRouter(prefix="/v1/senders", tags=["senders"], responses=documented(401, 403, 422))

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
    headers: dict[str, str] = Field(
        default_factory=dict,
        description="Of an e-mail: further headers.",
        examples=[{"List-Unsubscribe": "<https://shop.example/unsubscribe?u=17>"}],
    )
    callback: Callback | None = Field(default=None, description="Where its changes are told: see docs/webhooks.md.")


class Mode(StrEnum):
    """When a request to send is answered."""

    SYNC = "sync"
    ASYNC = "async"


class NewMessages(BaseModel):
    """Messages to be sent together, or not at all."""

    messages: list[NewMessage] = Field(min_length=1, max_length=messages.MOST_AT_ONCE)
    mode: Mode = Field(default=Mode.ASYNC, description="sync: answered when the provider has; async: when queued.")


class TestMessage(BaseModel):
    """What to send to whom, to see whether a sender works."""

    to: str = Field(max_length=320, description="A number, with or without country code, or an e-mail address.")
    body: str = Field(max_length=1600, examples=["Does it work? Ça marche ? 😀"])


class VerdictAnswer(BaseModel):
    """How a message fares."""

    id: UUID
    state: MessageState
    reason: str | None = Field(description="Why it was not sent.")
    provider_message_id: str | None
    provider_status: str | None = Field(description="The provider's own word.")
    error_class: ErrorClass | None
    error_code: str | None
    error_message: str | None


class MessageList(BaseModel):
    """In the order of the request."""

    items: list[VerdictAnswer]


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
async def send_messages(request: Request, services: TheServices, call: Idempotent, body: NewMessages) -> MessageList:
    """Queued in one commit, or refused as a whole; sent as soon as their lane gets to them, or, with the mode sync,
    before the answer, which then tells the provider's verdict. With an `Idempotency-Key` a repeated call sends nothing
    again, and tells how the messages fare by now."""
    requests = [_request(each) for each in body.messages]
    key = _key(call)
    if body.mode is Mode.SYNC:
        queued = await messages.send_messages(services, request.app.state.engine, call.actor, requests, key=key)
    else:
        queued = await messages.queue_messages(services, call.actor, requests, key=key)
    rows = await messages.read_states(services, call.actor, [each.id for each in queued])
    return MessageList(items=[VerdictAnswer.model_validate(row) for row in rows])


@senders_router.post("/{sender_id}/test", summary="Send a test message", responses=documented(400, 404, 409))
async def send_test_message(
    request: Request, services: TheServices, call: Idempotent, sender_id: SenderId, body: TestMessage
) -> MessageAnswer:
    """Sends it at once and answers with its trace: the provider's status, and its error code and message if it was
    refused. A trial account of Twilio, for example, refuses numbers that it has not verified with 21608."""
    trace = await messages.send_test_message(
        services, request.app.state.engine, call.actor, sender_id, to=body.to, body=body.body, key=_key(call)
    )
    return _shown(trace)


@router.get("/{message_id}", summary="A message and its trace", responses=documented(404))
async def get_message(services: TheServices, actor: CurrentActor, message_id: MessageId) -> MessageAnswer:
    """Its state, every try with the connector and sender that it went through, every receipt, with times."""
    return _shown(await messages.trace_message(services, actor, message_id))


def _shown(trace: MessageTrace) -> MessageAnswer:
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


def _key(call: IdempotentCall) -> str:
    return call.actor.idempotency.key if call.actor.idempotency else str(new_id())


def _request(message: NewMessage) -> MessageRequest:
    email = EmailContent(message.subject, message.html, message.headers) if message.subject is not None else None
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
        callback=message.callback,
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
