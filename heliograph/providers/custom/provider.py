"""The kind of connector that its configuration describes."""

from collections.abc import Sequence
from typing import ClassVar, Final

from pydantic import BaseModel

from heliograph.domain.vocabulary import Channel
from heliograph.errors import InvalidInput
from heliograph.providers.custom.configuration import CustomConfiguration
from heliograph.providers.custom.connection import CustomConnection
from heliograph.providers.custom.credentials import CustomCredentials
from heliograph.providers.protocol import (
    Account,
    Capabilities,
    ConnectionOptions,
    InboundMessage,
    ProviderRequest,
    SenderKind,
    StatusReport,
)

_LONGEST_SENDER: Final = 64


def _check_sender(address: str) -> str:
    address = address.strip()
    if not (address and address.isprintable() and len(address) <= _LONGEST_SENDER):
        raise InvalidInput.of("address", f"a sender has 1 to {_LONGEST_SENDER} printable characters")
    return address


CAPABILITIES: Final = Capabilities(
    channels=frozenset({Channel.SMS}),
    sender_kinds=(SenderKind("sender", "Sender, as the gateway knows it", _check_sender),),
    references=False,  # some gateways give ours back, others do not: to join by theirs as well is always right
    signed=False,  # by configuration
    look_up=False,
    log=False,
    balance=False,
)


class CustomHttp:
    """A gateway that users describe. Stateless."""

    key: ClassVar[str] = "custom"
    name: ClassVar[str] = "Custom HTTP connector"
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    credentials: ClassVar[type[BaseModel]] = CustomCredentials
    configuration: ClassVar[type[BaseModel]] = CustomConfiguration

    def open(self, account: Account, options: ConnectionOptions) -> CustomConnection:
        """A connection; `InvalidInput` when credentials and configuration do not go together."""
        return CustomConnection(*_parts(account), options)

    def verify(self, request: ProviderRequest, account: Account) -> bool:
        """By what the configuration asks for: the secret address alone, a header, basic access, or an HMAC."""
        credentials, configuration = _parts(account)
        return configuration.callbacks.proves(request, credentials)

    def parse_status(self, request: ProviderRequest, account: Account) -> Sequence[StatusReport]:
        """The reports, as configured; `InvalidInput` where it is not."""
        receipts = _parts(account)[1].receipts
        if receipts is None:
            raise _not_configured("receipts")
        return receipts.read(request)

    def parse_inbound(self, request: ProviderRequest, account: Account) -> Sequence[InboundMessage]:
        """The messages, as configured; `InvalidInput` where it is not."""
        inbound = _parts(account)[1].inbound
        if inbound is None:
            raise _not_configured("inbound")
        return inbound.read(request)


def _not_configured(field: str) -> InvalidInput:
    return InvalidInput.of(f"configuration.{field}", "does not say how such a callback is read", "not_configured")


def _parts(account: Account) -> tuple[CustomCredentials, CustomConfiguration]:
    credentials, configuration = account.credentials, account.configuration
    if not isinstance(credentials, CustomCredentials) or not isinstance(configuration, CustomConfiguration):
        raise TypeError("a custom connector takes CustomCredentials and a CustomConfiguration")
    return credentials, configuration
