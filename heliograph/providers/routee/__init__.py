"""Routee (AMD Telecom): SMS, with one callback for each part of a message. See docs/providers/routee.md."""

from collections.abc import Sequence
from typing import ClassVar, Final

from pydantic import BaseModel

from heliograph.domain.vocabulary import Channel
from heliograph.errors import NotFound
from heliograph.providers.protocol import (
    Account,
    Capabilities,
    ConnectionOptions,
    InboundMessage,
    NoConfiguration,
    Provider,
    ProviderRequest,
    StatusReport,
)
from heliograph.providers.routee.connection import KEY, NAME, RouteeConnection, RouteeCredentials
from heliograph.providers.routee.reports import read_callback
from heliograph.providers.shared.sender_kinds import ALPHANUMERIC, LONG_CODE


class Routee:
    """The kind of connector. Stateless."""

    key: ClassVar[str] = KEY
    name: ClassVar[str] = NAME
    capabilities: ClassVar[Capabilities] = Capabilities(
        channels=frozenset({Channel.SMS}),
        sender_kinds=(LONG_CODE, ALPHANUMERIC),
        signed=False,
        look_up=False,
        log=False,
        inbound=False,
    )
    credentials: ClassVar[type[BaseModel]] = RouteeCredentials
    configuration: ClassVar[type[BaseModel]] = NoConfiguration

    def open(self, account: Account, options: ConnectionOptions) -> RouteeConnection:
        """A connection; its pool opens with the first request."""
        if not isinstance(account.credentials, RouteeCredentials):
            raise TypeError(f"Routee takes RouteeCredentials, not {type(account.credentials).__name__}")
        return RouteeConnection(account.credentials, options)

    def verify(self, request: ProviderRequest, account: Account) -> bool:  # noqa: ARG002
        """Routee documents no signature: the secret address is the proof."""
        return True

    def parse_status(self, request: ProviderRequest, account: Account) -> Sequence[StatusReport]:  # noqa: ARG002
        """The one report of a callback, on one part."""
        return (read_callback(request),)

    def parse_inbound(self, request: ProviderRequest, account: Account) -> Sequence[InboundMessage]:  # noqa: ARG002
        """Never asked: what Routee posts for inbound messages is not documented."""
        raise NotFound("Routee's inbound messages are not taken")


PROVIDER: Final[Provider] = Routee()
