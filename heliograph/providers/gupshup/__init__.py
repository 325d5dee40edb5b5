"""Gupshup Enterprise SMS (India): one form a message, receipts by GET or by POST. See docs/providers/gupshup.md."""

from collections.abc import Sequence
from typing import ClassVar, Final

from pydantic import BaseModel

from heliograph.domain.vocabulary import Channel
from heliograph.providers.gupshup.connection import (
    KEY,
    NAME,
    GupshupConfiguration,
    GupshupConnection,
    GupshupCredentials,
    check_mask,
)
from heliograph.providers.gupshup.receipts import read_reports
from heliograph.providers.protocol import (
    Account,
    Capabilities,
    ConnectionOptions,
    InboundMessage,
    Provider,
    ProviderRequest,
    SenderKind,
    StatusReport,
)
from heliograph.providers.shared.configured_callbacks import read_inbound


class Gupshup:
    """The kind of connector. Stateless."""

    key: ClassVar[str] = KEY
    name: ClassVar[str] = NAME
    capabilities: ClassVar[Capabilities] = Capabilities(
        channels=frozenset({Channel.SMS}),
        sender_kinds=(SenderKind("mask", "Mask (DLT header)", check_mask),),
        references=False,
        signed=False,
        polling=False,
        look_up=False,
        log=False,
        balance=False,
    )
    credentials: ClassVar[type[BaseModel]] = GupshupCredentials
    configuration: ClassVar[type[BaseModel]] = GupshupConfiguration

    def open(self, account: Account, options: ConnectionOptions) -> GupshupConnection:
        """A connection; its pool opens with the first request."""
        if not isinstance(account.credentials, GupshupCredentials):
            raise TypeError(f"Gupshup takes GupshupCredentials, not {type(account.credentials).__name__}")
        return GupshupConnection(account.credentials, _configuration(account), options)

    def verify(self, request: ProviderRequest, account: Account) -> bool:  # noqa: ARG002
        """Nothing is signed: the secret address is the proof."""
        return True

    def parse_status(self, request: ProviderRequest, account: Account) -> Sequence[StatusReport]:  # noqa: ARG002
        """The report of a GET, or up to twenty of a POST."""
        return read_reports(request)

    def parse_inbound(self, request: ProviderRequest, account: Account) -> Sequence[InboundMessage]:
        """The messages, by the configured fields: Gupshup publishes none."""
        return read_inbound(_configuration(account).inbound, request)


def _configuration(account: Account) -> GupshupConfiguration:
    if not isinstance(account.configuration, GupshupConfiguration):
        raise TypeError(f"Gupshup takes a GupshupConfiguration, not {type(account.configuration).__name__}")
    return account.configuration


PROVIDER: Final[Provider] = Gupshup()
