"""Kaleyra (kaleyra.io): SMS with DLT, status polling, callback profiles. See docs/providers/kaleyra.md."""

from collections.abc import Sequence
from typing import ClassVar, Final

from pydantic import BaseModel

from heliograph.domain.vocabulary import Channel
from heliograph.providers.kaleyra.connection import KEY, NAME, SENDER_KINDS, KaleyraConnection
from heliograph.providers.kaleyra.models import KaleyraConfiguration, KaleyraCredentials
from heliograph.providers.kaleyra.receipts import is_authorized, read_callback
from heliograph.providers.protocol import (
    Account,
    Capabilities,
    ConnectionOptions,
    InboundMessage,
    Provider,
    ProviderRequest,
    StatusReport,
)


class Kaleyra:
    """The kind of connector. Stateless."""

    key: ClassVar[str] = KEY
    name: ClassVar[str] = NAME
    capabilities: ClassVar[Capabilities] = Capabilities(
        channels=frozenset({Channel.SMS}),
        sender_kinds=SENDER_KINDS,
        references=False,  # they do when the callback profile names them, which is the user's to do
        signed=False,
        look_up=False,
        log=False,
        balance=False,
    )
    credentials: ClassVar[type[BaseModel]] = KaleyraCredentials
    configuration: ClassVar[type[BaseModel]] = KaleyraConfiguration

    def open(self, account: Account, options: ConnectionOptions) -> KaleyraConnection:
        """A connection; its pool opens with the first request."""
        return KaleyraConnection(_credentials(account), _configuration(account), options)

    def verify(self, request: ProviderRequest, account: Account) -> bool:
        """Basic authorization, where the callback profile is told one; else the secret address is the proof."""
        return is_authorized(request, _credentials(account))

    def parse_status(self, request: ProviderRequest, account: Account) -> Sequence[StatusReport]:  # noqa: ARG002
        """The reports in the fields that docs/providers/kaleyra.md gives to the callback profile."""
        return read_callback(request)

    def parse_inbound(self, request: ProviderRequest, account: Account) -> Sequence[InboundMessage]:
        """The message, in the fields of Kaleyra's own example unless they are configured."""
        return _configuration(account).inbound.read(request)


def _credentials(account: Account) -> KaleyraCredentials:
    if not isinstance(account.credentials, KaleyraCredentials):
        raise TypeError(f"Kaleyra takes KaleyraCredentials, not {type(account.credentials).__name__}")
    return account.credentials


def _configuration(account: Account) -> KaleyraConfiguration:
    if not isinstance(account.configuration, KaleyraConfiguration):
        raise TypeError(f"Kaleyra takes a KaleyraConfiguration, not {type(account.configuration).__name__}")
    return account.configuration


PROVIDER: Final[Provider] = Kaleyra()
