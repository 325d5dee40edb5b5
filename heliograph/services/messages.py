"""Direct messages: queued by request, sent as soon as their lane gets to them, each with its whole trace."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from heliograph.db import direct
from heliograph.db.direct import NewDirectMessage
from heliograph.db.messages import MessageTrace, read_trace, read_verdicts
from heliograph.db.tables import Sender
from heliograph.db.tables.base import now
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel
from heliograph.errors import Conflict, FieldError, InvalidInput, NotFound
from heliograph.providers.protocol import EmailContent
from heliograph.services.context import Actor, Services
from heliograph.services.message_requests import MessageRequest, Preparation, prepare_message
from heliograph.services.senders import get_sender
from heliograph.services.sending import SendingEngine
from heliograph.services.webhook_requests import RequestedCallbacks
from heliograph.telemetry.metrics import record_excluded

MOST_AT_ONCE: Final = 1_000
TEST_TYPE: Final = "test"
"""The `type` of messages that try a sender."""
_TEST_LASTS: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """What became of a request: its message; not `fresh` when the same request was made before."""

    id: UUID
    fresh: bool


async def queue_messages(
    services: Services, actor: Actor, requests: Sequence[MessageRequest], *, key: str
) -> list[QueuedMessage]:
    """Queues messages in one commit; all are checked first, and one that breaks a rule refuses the whole call.

    `key` is the caller's own: the same key with the same place in the list is the same message, whoever repeats it.
    """
    actor.require("messages.send")
    prepared = await _prepare(services, actor, requests, key)
    async with services.database.transaction() as connection:
        queued = await direct.queue(connection, actor.workspace_id, prepared)
    return [QueuedMessage(message_id, fresh) for message_id, fresh in queued]


async def send_messages(
    services: Services, engine: SendingEngine, actor: Actor, requests: Sequence[MessageRequest], *, key: str
) -> list[QueuedMessage]:
    """As `queue_messages`, and returns when the provider's answers are recorded: `trace_message` tells them.

    A message that the provider asks to be brought later stays queued. None may have a `send_at`.
    """
    actor.require("messages.send")
    if any(request.send_at is not None for request in requests):
        raise InvalidInput.of("send_at", "is for messages that are queued: send with mode async", "mode")
    prepared = await _prepare(services, actor, requests, key)
    sent: list[tuple[UUID, bool]] = []
    for _, part in groupby(prepared, key=attrgetter("category")):  # in their order
        sent += await engine.direct.send_now(actor.workspace_id, list(part))
    return [QueuedMessage(message_id, fresh) for message_id, fresh in sent]


async def send_test_message(
    services: Services, engine: SendingEngine, actor: Actor, sender_id: UUID, *, to: str, body: str, key: str
) -> MessageTrace:
    """One message from a sender, to see whether it works (A2.6); its trace as the provider has answered.

    It is marked by its type and stands in no campaign. A number without country code is read by the workspace's
    default region.
    """
    actor.require("settings.manage")
    request = _test_request(await get_sender(services, actor, sender_id), to, body)
    async with services.database.unit_of_work() as session:
        prepared = await prepare_message(session, actor.workspace_id, request, dedupe_key=f"test:{key}")
    ((message_id, _),) = await engine.direct.send_now(actor.workspace_id, [prepared])
    return await trace_message(services, actor, message_id)


async def queue_test_message(
    services: Services, actor: Actor, sender_id: UUID, *, to: str, body: str, key: str
) -> QueuedMessage:
    """The same for a process that does not send: the workers do."""
    actor.require("settings.manage")
    request = _test_request(await get_sender(services, actor, sender_id), to, body)
    (queued,) = await queue_messages(services, actor, [request], key=f"test:{key}")
    return queued


def _test_request(sender: Sender, to: str, body: str) -> MessageRequest:
    return MessageRequest(
        to,
        body,
        sender.category,
        sender.channel,
        sender.id,
        type=TEST_TYPE,
        expires_at=now() + _TEST_LASTS,
        email=_test_email(sender),
    )


def _test_email(sender: Sender) -> EmailContent | None:
    return EmailContent("Test message") if sender.channel is Channel.EMAIL else None


async def _prepare(
    services: Services, actor: Actor, requests: Sequence[MessageRequest], key: str
) -> list[NewDirectMessage]:
    if not 1 <= len(requests) <= MOST_AT_ONCE:
        raise InvalidInput.of("messages", f"has from 1 to {MOST_AT_ONCE} entries", "size")
    prepared = []
    async with services.database.unit_of_work() as session:
        preparation = Preparation(session, actor.workspace_id)
        callbacks = RequestedCallbacks(services, session, actor.workspace_id)
        for index, request in enumerate(requests):
            try:
                message = await preparation.prepare(request, dedupe_key=f"direct:{key}:{index}")
                prepared.append(replace(message, callback=await callbacks.target(request.callback)))
            except InvalidInput as error:
                raise _within(f"messages.{index}", error) from error
    return prepared


def _within(place: str, error: InvalidInput) -> InvalidInput:
    """The same error, its fields named from the whole request."""
    errors = [FieldError(f"{place}.{each.field}", each.rule, each.code) for each in error.errors]
    return InvalidInput(f"{place}.{error.detail}", code=error.code, errors=errors)


async def cancel_message(services: Services, actor: Actor, message_id: UUID) -> None:
    """Cancels a message that is still queued; `Conflict` when it is under way or gone."""
    actor.require("messages.send")
    message = (await trace_message(services, actor, message_id)).message
    async with services.database.transaction() as connection:
        if not await direct.cancel(connection, actor.workspace_id, message_id):
            raise Conflict("the message is not queued any more: it is being sent, or has been", code="not_queued")
    channel, category = Channel(message["channel"]), Category(message["category"])
    record_excluded(channel, category, MessageState.CANCELLED, "by_request", 1, type=message["type"])


async def trace_message(services: Services, actor: Actor, message_id: UUID) -> MessageTrace:
    """Everything that is known of one message: its state, every try, every receipt, with times."""
    actor.require("read")
    found = await read_trace(services.database.pool, actor.workspace_id, message_id)
    if found is None:
        raise NotFound("no such message in this workspace", code="message_not_found")
    return found


async def read_states(services: Services, actor: Actor, message_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """How messages fare by now, in the order of the ids."""
    actor.require("read")
    return await read_verdicts(services.database.pool, actor.workspace_id, message_ids)
