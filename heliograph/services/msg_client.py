"""The SMS connector API: for programs that know their connector by an older contract (requirements E1–E4).

It is bound to one workspace by configuration, and open only to who is listed there: see `msg_client_callers`.
"""

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from heliograph.db import delivery_reports, direct, msg_client
from heliograph.db.direct import NewDirectMessage
from heliograph.db.engine import Pool
from heliograph.db.receipts import IncomingReport
from heliograph.db.workspaces import find_workspace
from heliograph.domain.ledger import MessageState
from heliograph.domain.phone_numbers import PhoneNumber, normalise_number
from heliograph.domain.vocabulary import Category, Channel, ErrorClass
from heliograph.errors import BadRequest, Conflict, FieldError, InvalidInput, NotFound
from heliograph.ids import new_id
from heliograph.providers.protocol import InboundMessage
from heliograph.services.context import Services
from heliograph.services.inbound import store_inbound
from heliograph.services.message_requests import MessageRequest, prepare_message
from heliograph.services.receipts import store

CHANNEL: Final = "smpp"
"""The one channel that the contract names; also the channel type of its delivery reports."""
MESSAGE_TYPE: Final = "text"
"""The `type` of these messages in the ledger."""

STATES: Final = {
    "queued": MessageState.ACCEPTED,
    "sent": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "undelivered": MessageState.UNDELIVERED,
    "failed": MessageState.FAILED,
}
"""The statuses of a delivery notification → ours."""

_SMPP: Final = "smpp"  # the key of that provider
_UNSUCCESSFUL: Final = frozenset({MessageState.UNDELIVERED, MessageState.FAILED})
_NAMES: Final = {"to": "To", "body": "Body", "sender_id": "From", "from": "From", "message id": "SmsSid"}
"""Our fields → those of this contract."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is to be sent."""

    to: str
    body: str
    sender: str | None  # an address of a sender of the workspace
    channel: str


async def send(services: Services, workspace_id: UUID, outgoing: Outgoing, *, key: str | None = None) -> UUID:
    """Queues a message and answers its id; the same `key` again queues nothing and answers the first one's.

    `BadRequest` names the parameter and the rule that it breaks; `Conflict` when the workspace cannot send.
    """
    if outgoing.channel != CHANNEL:
        raise _wrong("channel", f"is {CHANNEL!r}")
    prepared = await _prepare(services, workspace_id, outgoing, dedupe_key=f"msg-client:{key or new_id()}")
    async with services.database.transaction() as connection:
        ((message_id, fresh),) = await direct.queue(connection, workspace_id, [prepared])
        if fresh and services.settings.delivery_report_broker is not None:
            await delivery_reports.expect(connection, workspace_id, [message_id], CHANNEL)
    return message_id


async def receive(services: Services, workspace_id: UUID, message: InboundMessage) -> None:
    """Stores a message from a person and does what its word asks for, as any inbound message's.

    It counts as come over the connector of the sender that it was written to, else over the workspace's SMPP
    connector, else over its first for SMS.
    """
    pool = services.database.pool
    way = await msg_client.find_way(pool, workspace_id, [message.to])
    connector_id = way.connector_id if way else await msg_client.find_connector_for_sms(pool, workspace_id)
    if connector_id is None:
        raise Conflict("the workspace has no connector for SMS", code="no_connector")
    async with services.database.unit_of_work() as session:
        workspace = await find_workspace(session, workspace_id)
    number = normalise_number(message.address, workspace.default_region if workspace else None)
    address = number.e164 if isinstance(number, PhoneNumber) else message.address  # short codes write too
    try:
        await store_inbound(services.database, workspace_id, connector_id, [replace(message, address=address)])
    except InvalidInput as error:
        raise _in_their_words(error) from error


async def take_notification(services: Services, workspace_id: UUID, message_sid: str, status: str) -> None:
    """Folds a receipt into the ledger, committed when it returns. A repeated one changes nothing.

    `message_sid` is the id that `send` answered, or the provider's. `NotFound` when there is no such message,
    `BadRequest` for an unknown status or a message that has not been sent yet.
    """
    state = STATES.get(status.lower())
    if state is None:
        raise _wrong("MessageStatus", f"is one of: {', '.join(STATES)}")
    message = await msg_client.find_tried(services.database.pool, workspace_id, _uuid(message_sid), message_sid)
    if message is None:
        raise NotFound("MessageSid: there is no such message", code="message_not_found")
    if message.attempt == 0 or message.connector_id is None:
        raise _wrong("MessageSid", "names a message that has not been sent yet")
    failed = state in _UNSUCCESSFUL
    report = IncomingReport(
        connector_id=message.connector_id,
        workspace_id=workspace_id,
        key=f"{message.id}.{message.attempt}",
        message_id=message.id,
        attempt=message.attempt,
        part=0,
        status=status.lower(),
        code="",
        provider_message_id=message.provider_message_id,
        state=state.value,
        error_class=ErrorClass.DELIVERY.value if failed else None,
        error_message="The connector reports it so, without a code." if failed else None,
        occurred_at=None,  # it does not say
    )
    await store(services.database, [report])


async def _prepare(services: Services, workspace_id: UUID, outgoing: Outgoing, *, dedupe_key: str) -> NewDirectMessage:
    async with services.database.unit_of_work() as session:
        workspace = await find_workspace(session, workspace_id)
        region = workspace.default_region if workspace else None
        sender_id = await _choose_sender(services.database.pool, workspace_id, outgoing.sender, region)
        request = MessageRequest(
            outgoing.to, outgoing.body, Category.TRANSACTIONAL, Channel.SMS, sender_id, type=MESSAGE_TYPE
        )
        try:
            return await prepare_message(session, workspace_id, request, dedupe_key=dedupe_key)
        except InvalidInput as error:
            raise _in_their_words(error) from error


async def _choose_sender(pool: Pool, workspace_id: UUID, named: str | None, region: str | None) -> UUID | None:
    """The one that is named; else one on an SMPP connector; else None: as any transactional SMS of the workspace."""
    if named is None:
        way = await msg_client.find_way(pool, workspace_id)
        return way.sender_id if way is not None and way.provider == _SMPP else None
    number = normalise_number(named, region)
    addresses = [named.strip(), number.e164] if isinstance(number, PhoneNumber) else [named.strip()]
    way = await msg_client.find_way(pool, workspace_id, addresses)
    if way is None:
        raise _wrong("From", "is the address of a sender of the workspace")
    return way.sender_id


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _wrong(parameter: str, rule: str) -> BadRequest:
    return BadRequest(f"{parameter}: {rule}", errors=[FieldError(parameter, rule)])


def _in_their_words(error: InvalidInput) -> BadRequest:
    """The same error under the names of this contract."""
    errors = [FieldError(_NAMES.get(each.field, each.field), each.rule, each.code) for each in error.errors]
    return BadRequest("; ".join(f"{each.field}: {each.rule}" for each in errors), errors=errors)
