"""Messages from people: stored, and acted upon in the same commit."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from heliograph.db import direct, inbound, suppressions
from heliograph.db.direct import NewDirectMessage
from heliograph.db.engine import Connection, Database
from heliograph.db.inbound import NewInbound, OurSender
from heliograph.db.opt_out import read_rules
from heliograph.domain.opt_out import OptOutRules
from heliograph.domain.vocabulary import Channel, Keyword, SuppressionScope
from heliograph.errors import InvalidInput, Rejected
from heliograph.ids import new_id
from heliograph.providers.protocol import InboundMessage, ProviderRequest
from heliograph.services.callback_connectors import CallbackConnectors
from heliograph.services.message_requests import MessageRequest, prepare_message
from heliograph.telemetry.metrics import Verdict, record_callbacks

_log = logging.getLogger(__name__)

REPLY_TYPE: Final = "reply"
"""The `type` of messages that answer a START or a HELP."""
_LONGEST_NAME: Final = 320  # of a message, a person or a sender; longer ones would not fit into an index
_ANSWERED_ONCE_IN: Final = timedelta(minutes=1)
"""Two machines that answer each other must not go on for ever."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message from a person as we understand it."""

    id: UUID
    message: InboundMessage
    keyword: Keyword | None
    reply: str | None  # what we answer; never where the provider acted on the word, for it has answered
    senders: Sequence[OurSender]  # ours that it was written to: one address may be a sender in several categories

    def as_row(self) -> NewInbound:
        """As it is stored."""
        return NewInbound(
            self.id,
            self.message.provider_message_id,
            self.message.address,
            self.senders[0].id if self.senders else None,
            self.message.to,
            self.message.body,
            self.keyword.value if self.keyword else None,
            self.message.received_at,
        )


async def store_inbound(
    database: Database, workspace_id: UUID, connector_id: UUID, messages: Sequence[InboundMessage]
) -> None:
    """Stores messages from people and does what their words ask for, committed together when it returns.

    A STOP suppresses, a START lifts what a STOP made, a HELP (and a START) is answered where the workspace has an
    answer. A repeated message changes nothing. `InvalidInput` for a name that cannot be one.
    """
    if not messages:
        return
    stored = [_storable(each) for each in messages]
    rules = await read_rules(database.pool, workspace_id)
    ours = await inbound.senders_of(database.pool, connector_id)
    heard = [hear(each, rules, ours) for each in stored]
    replies = await _prepare_replies(database, workspace_id, heard, ours)
    async with database.transaction() as connection:
        fresh = await inbound.store(connection, workspace_id, connector_id, [each.as_row() for each in heard])
        said = [each for each in heard if each.id in fresh and each.keyword is not None]
        for each in sorted(said, key=lambda each: each.message.address):  # no two commits wait in a circle
            await _act(connection, workspace_id, connector_id, each, rules.scope, ours)
            if each.id in replies:
                await _reply(connection, workspace_id, each, replies[each.id])


def hear(message: InboundMessage, rules: OptOutRules, ours: Sequence[OurSender]) -> Heard:
    """What a message asks for, by the provider's word or else by ours, and whom it was written to."""
    to = message.to.removeprefix("+")
    senders = [sender for sender in ours if sender.address.removeprefix("+") == to]
    if message.keyword is not None:
        return Heard(new_id(), message, message.keyword, None, senders)
    said = rules.read(message.body)
    if said is None:
        return Heard(new_id(), message, None, None, senders)
    return Heard(new_id(), message, said.keyword, rules.languages[said.language].reply(said.keyword), senders)


async def _act(
    connection: Connection,
    workspace_id: UUID,
    connector_id: UUID,
    heard: Heard,
    scope: SuppressionScope,
    ours: Sequence[OurSender],
) -> None:
    senders = [sender.id for sender in heard.senders]
    if heard.keyword is Keyword.STOP:
        # An address that is no sender of ours (a number of a messaging service) counts for all: rather too little sent.
        await suppressions.opt_out(
            connection,
            workspace_id=workspace_id,
            connector_id=connector_id,
            address=heard.message.address,
            sender_ids=senders if senders and scope is SuppressionScope.SENDER else [None],
            source=f"inbound {heard.id}",
        )
    elif heard.keyword is Keyword.START:
        await suppressions.opt_in(
            connection,
            workspace_id=workspace_id,
            connector_id=connector_id,
            address=heard.message.address,
            sender_ids=senders or [sender.id for sender in ours],
        )


async def _prepare_replies(
    database: Database, workspace_id: UUID, heard: Sequence[Heard], ours: Sequence[OurSender]
) -> Mapping[UUID, NewDirectMessage]:
    """The answers to be sent, by the message they answer. One that cannot be made must not keep the message out."""
    prepared: dict[UUID, NewDirectMessage] = {}
    for each in heard:
        sender = next(iter(each.senders or ours), None)
        if each.reply is None or sender is None:
            continue
        request = MessageRequest(
            each.message.address, each.reply, channel=Channel.SMS, sender_id=sender.id, type=REPLY_TYPE
        )
        try:
            async with database.unit_of_work() as session:
                prepared[each.id] = await prepare_message(session, workspace_id, request, dedupe_key=f"reply:{each.id}")
        except Rejected as error:
            _log.warning("inbound message %s cannot be answered: %s", each.id, error.code)
    return prepared


async def _reply(connection: Connection, workspace_id: UUID, heard: Heard, reply: NewDirectMessage) -> None:
    if heard.keyword is None or await inbound.said_before(
        connection, workspace_id, heard.id, heard.message.address, heard.keyword, _ANSWERED_ONCE_IN
    ):
        return
    await direct.queue(connection, workspace_id, [reply])


def _storable(message: InboundMessage) -> InboundMessage:
    """The message as PostgreSQL takes it: no NUL, no half of a surrogate pair, names that fit into an index."""
    for field, text in (
        ("message id", message.provider_message_id),
        ("from", message.address),
        ("to", message.to),
    ):
        if len(text) > _LONGEST_NAME or not text.isprintable():
            raise InvalidInput.of(field, f"has at most {_LONGEST_NAME} printable characters", "unstorable")
    body = message.body.encode(errors="replace").decode().replace("\0", "")
    return message if body == message.body else replace(message, body=body)


async def take_inbound_callback(
    database: Database, connectors: CallbackConnectors, token: str, request: ProviderRequest
) -> tuple[str, bytes]:
    """Checks an inbound callback and returns when its messages are committed: what the provider wants as an answer.

    Raises as `take_status_callback` does.
    """
    connector = await connectors.verified(token, request)
    try:
        messages = connector.provider.parse_inbound(request, connector.account)
        await store_inbound(database, connector.workspace_id, connector.id, messages)
    except InvalidInput:
        record_callbacks(connector.provider.key, Verdict.REFUSED)
        raise
    return connector.provider.capabilities.inbound_answer
