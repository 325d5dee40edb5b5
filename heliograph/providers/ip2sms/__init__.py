"""IP2SMS: the protocol of Ukrainian operators and resellers, in XML or JSON; polled. See docs/providers/ip2sms.md."""

from collections.abc import Sequence
from typing import ClassVar, Final

from pydantic import BaseModel

from heliograph.domain.vocabulary import Channel
from heliograph.errors import InvalidInput
from heliograph.providers.ip2sms.configuration import (
    BATCH_SIZE,
    SENDER_KINDS,
    Ip2smsConfiguration,
    Ip2smsCredentials,
)
from heliograph.providers.ip2sms.connection import KEY, Ip2smsConnection
from heliograph.providers.ip2sms.outcomes import NAME
from heliograph.providers.protocol import (
    Account,
    Capabilities,
    ConnectionOptions,
    InboundMessage,
    Provider,
    ProviderRequest,
    StatusReport,
)


class Ip2sms:
    """The kind of connector. Stateless."""

    key: ClassVar[str] = KEY
    name: ClassVar[str] = NAME
    capabilities: ClassVar[Capabilities] = Capabilities(
        channels=frozenset({Channel.SMS}),
        sender_kinds=SENDER_KINDS,
        batch_size=BATCH_SIZE,
        poll_size=BATCH_SIZE,
        callbacks=False,
        signed=False,
        look_up=False,
        log=False,
        balance=False,
        inbound=False,
    )
    credentials: ClassVar[type[BaseModel]] = Ip2smsCredentials
    configuration: ClassVar[type[BaseModel]] = Ip2smsConfiguration

    def open(self, account: Account, options: ConnectionOptions) -> Ip2smsConnection:
        """A connection; its pool opens with the first request."""
        if not isinstance(account.credentials, Ip2smsCredentials):
            raise TypeError(f"{NAME} takes Ip2smsCredentials, not {type(account.credentials).__name__}")
        if not isinstance(account.configuration, Ip2smsConfiguration):
            raise TypeError(f"{NAME} takes Ip2smsConfiguration, not {type(account.configuration).__name__}")
        return Ip2smsConnection(account.credentials, account.configuration, options)

    def verify(self, request: ProviderRequest, account: Account) -> bool:  # noqa: ARG002
        """Never: the provider calls nobody."""
        return False

    def parse_status(self, request: ProviderRequest, account: Account) -> Sequence[StatusReport]:  # noqa: ARG002
        """Nothing that could be read is known."""
        raise _unknown()

    def parse_inbound(self, request: ProviderRequest, account: Account) -> Sequence[InboundMessage]:  # noqa: ARG002
        """Nothing that could be read is known."""
        raise _unknown()


def _unknown() -> InvalidInput:
    return InvalidInput.of("body", f"{NAME} has no callbacks that are published: its messages are polled")


PROVIDER: Final[Provider] = Ip2sms()
