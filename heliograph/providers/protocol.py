"""What a provider is to us. A new provider is one module here, one simulator module, one contract test, one page.

The engine knows no provider by name: it asks the registry for a `Provider` kind, opens a `Connection` with a
connector's credentials, and reads `Outcome`s. Only what a provider *documents* as not processed may become
`NotProcessed`: that is the one answer after which the engine tries again by itself.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Channel, ErrorClass
from heliograph.domain.vocabulary import Keyword as Keyword  # noqa: PLC0414 - providers take it from here


@dataclass(frozen=True, slots=True)
class ProviderError:
    """A provider's refusal: our class, its code, its text without personal data."""

    error_class: ErrorClass
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message and named it."""

    provider_message_id: str
    provider_status: str
    parts: int | None = None  # as the provider counts, where it says
    state: MessageState = MessageState.ACCEPTED
    part_ids: Sequence[str] = ()  # where it names each part: in order; its receipts then tell of parts


@dataclass(frozen=True, slots=True)
class Refused:
    """Final: the provider will not send this message."""

    error: ProviderError


@dataclass(frozen=True, slots=True)
class NotProcessed:
    """Known not to have been processed: the message goes back to the queue."""

    error: ProviderError
    retry_after: float | None = None  # seconds, where the provider says


@dataclass(frozen=True, slots=True)
class InDoubt:
    """May or may not have been accepted. Never tried again blindly."""

    error: ProviderError


Outcome = Accepted | Refused | NotProcessed | InDoubt


@dataclass(frozen=True, slots=True)
class EmailContent:
    """What an e-mail has besides its text part."""

    subject: str
    html: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)  # List-Unsubscribe and the like


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One call's worth. `reference` is ours and comes back in receipts: "<message id>.<attempt>"."""

    message_id: UUID
    attempt: int
    to: str  # E.164, or an e-mail address
    body: str  # the text; of an e-mail its text part
    valid_until: float  # time.monotonic(); past it nothing may be written to the provider any more
    email: EmailContent | None = None

    @property
    def reference(self) -> str:
        """Our name for this attempt at the provider."""
        return f"{self.message_id}.{self.attempt}"


def parse_reference(reference: str) -> tuple[UUID, int] | None:
    """The message and attempt a reference names, or None when it is not one of ours."""
    message_id, separator, attempt = reference.partition(".")
    if not separator or not (attempt.isascii() and attempt.isdigit()) or len(attempt) > 4:
        return None
    try:
        return UUID(message_id), int(attempt)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class SenderAddress:
    """What a message comes from, as the provider knows it."""

    kind: str
    address: str


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What a receipt or a poll says about one message (or part)."""

    provider_message_id: str
    provider_status: str
    state: MessageState
    reference: tuple[UUID, int] | None = None
    part: int = 0
    error: ProviderError | None = None
    occurred_at: datetime | None = None
    other_ids: Sequence[str] = ()  # how else the provider may have spelled its name of the message when it took it
    address: str | None = None  # whom the message went to, E.164; `other_ids` count for messages to this address alone


@dataclass(frozen=True, slots=True)
class InboundPart:
    """One of several parts that a message from a person came in. They may come over different connections."""

    reference: int  # what its parts have in common, besides who wrote and to whom
    number: int  # from 1
    total: int
    octets: bytes
    read: Callable[[bytes], str]  # the text in the octets of all parts, joined; never raises


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A message from a person to one of our senders."""

    provider_message_id: str  # '' where the provider does not name it
    address: str  # who wrote: E.164, or an e-mail address
    to: str  # our sender, as the provider writes it
    body: str
    keyword: Keyword | None = None
    received_at: datetime | None = None  # by the provider's clock, where it says
    part: InboundPart | None = None  # `body` is then empty; kept until all parts are there


@dataclass(frozen=True, slots=True)
class LoggedMessage:
    """A message as the provider's own log has it."""

    provider_message_id: str
    to: str  # E.164
    provider_status: str  # the provider's own word
    created_at: datetime  # by the provider's clock


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """A callback as it arrived: the signature is over these exact bytes."""

    method: str
    url: str  # as the provider called it, query included
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True, slots=True)
class Balance:
    """Money left at the provider."""

    amount: Decimal
    currency: str  # ISO 4217


@dataclass(frozen=True, slots=True)
class SenderKind:
    """A kind of sender. `check` returns the address as it is to be stored (a phone number in E.164, say), or raises
    `InvalidInput` naming the rule that it breaks; it does no I/O."""

    key: str
    label: str
    check: Callable[[str], str]


@dataclass(frozen=True)
class Capabilities:
    """What a provider can do. What is False is never asked of its connections."""

    channels: frozenset[Channel]
    sender_kinds: Sequence[SenderKind]
    batch_size: int = 1  # above 1: its connections are `BatchConnection`s
    callbacks: bool = True  # it tells of deliveries by itself; if not, it is polled
    references: bool = True  # its callbacks carry our reference, so they can be matched before its answer is recorded
    signed: bool = True  # its callbacks are signed; if not, their secret address is all that proves them
    polling: bool = True
    poll_size: int = 1  # above 1: its connections are `PollManyConnection`s
    look_up: bool = True
    log: bool = True  # it lists what it has from a sender
    balance: bool = True
    inbound: bool = True
    bounces: bool = False  # mail that came back is taken at its callback address
    listens: bool = False  # receipts and inbound messages come over an open connection, so one is kept open
    counts_parts: bool = True  # its rate limits count parts, not messages
    longest_body: int | None = None  # characters of one message; None: it says so itself
    inbound_answer: tuple[str, bytes] = ("", b"")  # content type and body of the answer to an inbound message
    proven_by: Sequence[str] = ("simulator",)  # besides: the independent peers that tests try it against


class NoConfiguration(BaseModel):
    """Of a provider that needs nothing besides credentials."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Account:
    """A connector as its provider sees it: what is secret, and what may be shown."""

    credentials: BaseModel
    configuration: BaseModel = field(default_factory=NoConfiguration)


class Inbox(Protocol):
    """Takes what a provider sends over an open connection. Both return when it is committed."""

    async def take_reports(self, reports: Sequence[StatusReport]) -> None:
        """Receipts."""

    async def take_inbound(self, messages: Sequence[InboundMessage]) -> None:
        """Messages from people."""


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """What a connection needs besides its account."""

    timeout: float  # seconds
    callback_url: str | None  # where receipts go, without our reference; None: none are wanted
    max_connections: int = 64
    simulator_url: str | None = None  # stands in for the provider's hosts
    simulated_relay: tuple[str, int] | None = None  # host and port: stands in for SMTP relays
    simulated_smsc: tuple[str, int] | None = None  # host and port: stands in for SMSCs
    reachable: Collection[str] = ()  # private hosts that addresses given by users may name all the same
    inbox: Inbox | None = None  # for providers that listen


class ProviderConnection(Protocol):
    """An open connector: holds a connection pool, is used by many tasks at once."""

    async def check_credentials(self) -> None:
        """Asks the provider whether the credentials are valid; `Unauthenticated` or `UpstreamFailed` if not."""

    async def check_sender(self, sender: SenderAddress) -> None:
        """Asks the provider whether it knows the sender; `BadRequest`, `Unauthenticated` or `UpstreamFailed`."""

    async def balance(self) -> Balance:
        """The money left."""

    async def send(self, message: OutgoingMessage, sender: SenderAddress) -> Outcome:
        """One message. Never raises for what the provider or the network does; never retries by itself."""

    async def poll(self, provider_message_id: str) -> StatusReport:
        """The present status of one message; raises `NotFound` or `Transient`."""

    async def look_up(
        self, *, to: str, body: str | None, sender: SenderAddress, since: datetime
    ) -> Sequence[StatusReport]:
        """Messages the provider has from `sender` to `to` with this body since then, oldest first."""

    def log(self, sender: SenderAddress, since: datetime, until: datetime) -> AsyncIterator[LoggedMessage]:
        """Every message the provider has from `sender` that it created in this time, in any order.

        Asked for page by page while it is read. A message may come twice when others are sent meanwhile, and one that
        the provider has not sent yet may be missing: `poll` knows it. Raises as `check_sender` does.
        """

    async def aclose(self) -> None:
        """Closes the pool."""


class BatchConnection(ProviderConnection, Protocol):
    """A connection to a provider that takes many messages in one call (`Capabilities.batch_size` above 1)."""

    async def send_batch(self, messages: Sequence[OutgoingMessage], sender: SenderAddress) -> Sequence[Outcome]:
        """At most `batch_size` messages, one outcome each, in their order. As `send`, it never raises."""


class ListeningConnection(ProviderConnection, Protocol):
    """A connection over which receipts and inbound messages come (`Capabilities.listens`)."""

    async def keep_open(self) -> None:
        """Opens it if it is not open, and keeps it so until `aclose`, whether anything is sent or not. Never raises."""


class PollManyConnection(ProviderConnection, Protocol):
    """A connection to a provider that tells of many messages in one call (`Capabilities.poll_size` above 1)."""

    async def poll_many(self, provider_message_ids: Sequence[str]) -> Mapping[str, StatusReport]:
        """The present status of at most `poll_size` messages; those that the provider does not know are missing.

        Raises `Transient` when it answers nothing. Ids that were given one after the other come together.
        """


class Provider(Protocol):
    """A kind of connector. Stateless."""

    key: ClassVar[str]  # "twilio"
    name: ClassVar[str]  # "Twilio"
    capabilities: ClassVar[Capabilities]
    credentials: ClassVar[type[BaseModel]]  # secret fields are SecretStr
    configuration: ClassVar[type[BaseModel]]  # what else an account needs; nothing secret

    def open(self, account: Account, options: ConnectionOptions) -> ProviderConnection:
        """A connection with its pool; no I/O yet."""

    def verify(self, request: ProviderRequest, account: Account) -> bool:
        """Whether the callback is signed by the provider; True where it signs none and its address is the secret."""

    def parse_status(self, request: ProviderRequest, account: Account) -> Sequence[StatusReport]:
        """The reports in a callback; raises `InvalidInput` naming what is missing."""

    def parse_inbound(self, request: ProviderRequest, account: Account) -> Sequence[InboundMessage]:
        """The messages in an inbound callback; raises `InvalidInput` naming what is missing."""
