"""Twilio: SMS through the Messages API, with signed status callbacks. See docs/providers/twilio.md."""

from collections.abc import Sequence
from typing import ClassVar, Final

from pydantic import BaseModel

from heliograph.domain.vocabulary import Channel
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
from heliograph.providers.twilio.callbacks import is_signed, read_status
from heliograph.providers.twilio.connection import TwilioConnection, TwilioCredentials
from heliograph.providers.twilio.inbound import read_inbound
from heliograph.providers.twilio.senders import SENDER_KINDS


class Twilio:
    """The kind of connector. Stateless."""

    key: ClassVar[str] = "twilio"
    name: ClassVar[str] = "Twilio"
    capabilities: ClassVar[Capabilities] = Capabilities(
        channels=frozenset({Channel.SMS}),
        sender_kinds=SENDER_KINDS,
        inbound_answer=("text/xml", b"<Response/>"),
        proven_by=("simulator", "Twilio's own client and request validator"),
    )
    credentials: ClassVar[type[BaseModel]] = TwilioCredentials
    configuration: ClassVar[type[BaseModel]] = NoConfiguration

    def open(self, account: Account, options: ConnectionOptions) -> TwilioConnection:
        """A connection; its pool opens with the first request."""
        return TwilioConnection(_credentials(account), options)

    def verify(self, request: ProviderRequest, account: Account) -> bool:
        """X-Twilio-Signature over the exact address and body, with the account's auth token."""
        return is_signed(request, _credentials(account).auth_token.get_secret_value())

    def parse_status(self, request: ProviderRequest, account: Account) -> Sequence[StatusReport]:  # noqa: ARG002
        """The one report of a status callback."""
        return (read_status(request),)

    def parse_inbound(self, request: ProviderRequest, account: Account) -> Sequence[InboundMessage]:  # noqa: ARG002
        """The one message of an inbound webhook."""
        return (read_inbound(request),)


def _credentials(account: Account) -> TwilioCredentials:
    if not isinstance(account.credentials, TwilioCredentials):
        raise TypeError(f"Twilio takes TwilioCredentials, not {type(account.credentials).__name__}")
    return account.credentials


PROVIDER: Final[Provider] = Twilio()
