"""A message as it is asked for, checked and made into what the ledger takes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.connectors import find_connector
from heliograph.db.direct import NewDirectMessage
from heliograph.db.engine import raw_connection
from heliograph.db.routes import read_ways
from heliograph.db.senders import find_default_sender, find_sender
from heliograph.db.tables import Connector, Sender
from heliograph.db.tables.base import now
from heliograph.db.workspaces import find_workspace
from heliograph.domain.csv.rules import EXPLANATIONS
from heliograph.domain.email_addresses import normalise_email_address
from heliograph.domain.message_parts import count_parts
from heliograph.domain.phone_numbers import NumberRule, normalise_number
from heliograph.domain.vocabulary import Category, Channel
from heliograph.domain.webhooks import Callback
from heliograph.errors import Conflict, InvalidInput
from heliograph.ids import new_id
from heliograph.pacing.routing import choose
from heliograph.providers.protocol import EmailContent
from heliograph.providers.registry import provider
from heliograph.providers.shared.email_headers import check_headers, check_subject
from heliograph.services.connections import NOT_AUTHENTICATED

_LONGEST_TYPE: Final = 64
_LONGEST_BODY: Final = 100_000
_USEFUL_FOR: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """One message as it is asked for. Without `sender_id` the default sender of its channel and category sends."""

    to: str
    body: str
    category: Category = Category.TRANSACTIONAL
    channel: Channel = Channel.SMS
    sender_id: UUID | None = None
    type: str | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None  # later than this it is not sent; by default a day after `send_at`
    email: EmailContent | None = None
    callback: Callback | None = None  # where its changes are told, besides the workspace's webhooks


class Preparation:
    """Makes requests of one call ready; what they share is read once."""

    def __init__(self, session: AsyncSession, workspace_id: UUID) -> None:
        self._session = session
        self._workspace_id = workspace_id
        self._ways: dict[tuple[UUID | None, Channel, Category], tuple[Sender, Connector]] = {}
        self._region: str | None = None
        self._read = False

    async def prepare(self, request: MessageRequest, *, dedupe_key: str) -> NewDirectMessage:
        """The message as the ledger takes it: address normalised, sender chosen, parts counted, every rule checked."""
        sender, connector = await self._way(request)
        return _prepared(request, sender, connector, await self._default_region(), dedupe_key)

    async def _way(self, request: MessageRequest) -> tuple[Sender, Connector]:
        """By the chosen sender, else by the routes, else by the default sender."""
        key = (request.sender_id, request.channel, request.category)
        if key not in self._ways:
            self._ways[key] = await _way(self._session, self._workspace_id, request)
        return self._ways[key]

    async def _default_region(self) -> str | None:
        if not self._read:
            workspace = await find_workspace(self._session, self._workspace_id)
            self._region, self._read = workspace.default_region if workspace else None, True
        return self._region


async def prepare_message(
    session: AsyncSession, workspace_id: UUID, request: MessageRequest, *, dedupe_key: str
) -> NewDirectMessage:
    """One request made ready: see `Preparation`."""
    return await Preparation(session, workspace_id).prepare(request, dedupe_key=dedupe_key)


def _prepared(
    request: MessageRequest, sender: Sender, connector: Connector, region: str | None, dedupe_key: str
) -> NewDirectMessage:
    due_at = request.send_at or now()
    if request.expires_at is not None and request.expires_at <= due_at:
        raise InvalidInput.of("expires_at", "lies after send_at, or in the future where there is none", "past")
    body = _checked_body(request, connector)
    return NewDirectMessage(
        id=new_id(),
        dedupe_key=dedupe_key,
        channel=request.channel,
        category=request.category,
        type=_checked_type(request.type),
        address=checked_address(request.channel, request.to, region),
        body=body,
        parts=count_parts(body).parts if request.channel is Channel.SMS else 1,
        connector_id=connector.id,
        sender_id=sender.id,
        due_at=due_at,
        expires_at=request.expires_at or due_at + _USEFUL_FOR,
        routed=request.sender_id is None,
        content=_content(request),
    )


def checked_address(channel: Channel, text: str, region: str | None) -> str:
    """A phone number in E.164, or an e-mail address in its normal form; `InvalidInput` naming the rule it breaks."""
    if channel is Channel.SMS:
        number = normalise_number(text, region)
        if isinstance(number, NumberRule):
            raise InvalidInput.of("to", _explained(number), number.value)
        return number.e164
    return normalise_email_address(text)


def _explained(rule: NumberRule) -> str:
    if rule is NumberRule.NO_REGION:  # the rule's own words speak of imports
        return "has no country code; write it with +, or set the workspace's default region"
    return EXPLANATIONS[rule]


async def _way(session: AsyncSession, workspace_id: UUID, request: MessageRequest) -> tuple[Sender, Connector]:
    if request.sender_id is None:
        sender = await _routed_sender(session, workspace_id, request)
        if sender is None:
            sender = await find_default_sender(session, workspace_id, request.channel, request.category)
        if sender is None:
            raise Conflict(
                f"there is no default sender for {request.channel.value}, {request.category.value}: add a sender first",
                code="no_sender",
            )
    else:
        sender = await find_sender(session, workspace_id, request.sender_id)
        if sender is None:
            raise InvalidInput.of("sender_id", "is not a sender of this workspace", "sender_not_found")
        if sender.channel is not request.channel:
            raise InvalidInput.of("sender_id", f"sends {sender.channel.value}, not {request.channel.value}", "channel")
    connector = await find_connector(session, sender.connector_id)
    if connector is None or connector.sealed_credentials is None:
        raise Conflict(
            "the sender's connector is not authenticated: save its credentials first", code=NOT_AUTHENTICATED
        )
    return sender, connector


async def _routed_sender(session: AsyncSession, workspace_id: UUID, request: MessageRequest) -> Sender | None:
    """By the routes of channel and category, as far as there are any."""
    connection = await raw_connection(session)
    way = choose(await read_ways(connection, workspace_id, request.channel, request.category))
    return None if way is None else await find_sender(session, workspace_id, way.sender_id)


def _checked_body(request: MessageRequest, connector: Connector) -> str:
    if not request.body.strip():
        raise InvalidInput.of("body", "must not be empty", "empty")
    longest = provider(connector.provider).capabilities.longest_body or _LONGEST_BODY
    if len(request.body) > longest:
        raise InvalidInput.of("body", f"has at most {longest} characters with this connector", "too_long")
    if "\0" in request.body:
        raise InvalidInput.of("body", "has no NUL characters", "nul")
    return request.body


def _checked_type(text: str | None) -> str | None:
    if text is not None and not (0 < len(text) <= _LONGEST_TYPE and text.isprintable()):
        raise InvalidInput.of("type", f"has from 1 to {_LONGEST_TYPE} printable characters", "type")
    return text


def _content(request: MessageRequest) -> dict[str, Any]:
    if request.channel is not Channel.EMAIL:
        return {}
    if request.email is None:
        raise InvalidInput.of("subject", "is needed for an e-mail", "missing")
    check_subject(request.email.subject)
    check_headers(request.email.headers)
    if "\0" in (request.email.html or ""):
        raise InvalidInput.of("html", "has no NUL characters", "nul")
    return {"subject": request.email.subject, "html": request.email.html, "headers": dict(request.email.headers)}
