"""SMPP 3.4: SMS through any SMSC, over a session that stays open. See docs/providers/smpp.md."""

from collections.abc import Sequence
from typing import ClassVar, Final

from pydantic import BaseModel

from heliograph.domain.vocabulary import Channel
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import (
    Account,
    Capabilities,
    ConnectionOptions,
    InboundMessage,
    Provider,
    ProviderRequest,
    StatusReport,
)
from heliograph.providers.smpp.account import SmppConfiguration, SmppCredentials
from heliograph.providers.smpp.connection import SmppConnection
from heliograph.providers.smpp.senders import SENDER_KINDS


class Smpp:
    """The kind of connector. Stateless."""

    key: ClassVar[str] = "smpp"
    name: ClassVar[str] = "SMPP 3.4"
    capabilities: ClassVar[Capabilities] = Capabilities(
        channels=frozenset({Channel.SMS}),
        sender_kinds=SENDER_KINDS,
        references=False,
        signed=False,
        polling=False,
        look_up=False,
        log=False,
        balance=False,
        listens=True,
        proven_by=("simulator", "node-smpp", "smpp34"),
    )
    credentials: ClassVar[type[BaseModel]] = SmppCredentials
    configuration: ClassVar[type[BaseModel]] = SmppConfiguration

    def open(self, account: Account, options: ConnectionOptions) -> SmppConnection:
        """A connection; it binds with the first message, or when it is to be kept open."""
        credentials, configuration = account.credentials, account.configuration
        if not isinstance(credentials, SmppCredentials) or not isinstance(configuration, SmppConfiguration):
            raise TypeError("SMPP takes SmppCredentials and a SmppConfiguration")
        return SmppConnection(credentials, configuration, options)

    def verify(self, request: ProviderRequest, account: Account) -> bool:  # noqa: ARG002
        """Nobody calls: what an SMSC has to say comes over the session."""
        return False

    def parse_status(self, request: ProviderRequest, account: Account) -> Sequence[StatusReport]:  # noqa: ARG002
        """Receipts come over the session."""
        raise InvalidInput.of("connector", "takes no callbacks: receipts come over its SMPP session", "no_callbacks")

    def parse_inbound(self, request: ProviderRequest, account: Account) -> Sequence[InboundMessage]:  # noqa: ARG002
        """Messages from people come over the session."""
        raise InvalidInput.of("connector", "takes no callbacks: messages come over its SMPP session", "no_callbacks")


PROVIDER: Final[Provider] = Smpp()
