"""Twilio: SMS through the Messages API, with signed status callbacks. See docs/providers/twilio.md."""

from collections.abc import Sequence
from typing import ClassVar, Final

from pydantic import BaseModel

from heliograph.domain.vocabulary import Channel
from heliograph.providers.protocol import (
    Capabilities,
    ConnectionOptions,
    Provider,
    ProviderRequest,
    StatusReport,
)
from heliograph.providers.twilio.callbacks import is_signed, read_status
from heliograph.providers.twilio.connection import TwilioConnection, TwilioCredentials
from heliograph.providers.twilio.senders import SENDER_KINDS


class Twilio:
    """The kind of connector. Stateless."""

    key: ClassVar[str] = "twilio"
    name: ClassVar[str] = "Twilio"
    capabilities: ClassVar[Capabilities] = Capabilities(
        channels=frozenset({Channel.SMS}),
        sender_kinds=SENDER_KINDS,
    )
    credentials: ClassVar[type[BaseModel]] = TwilioCredentials

    def open(self, credentials: BaseModel, options: ConnectionOptions) -> TwilioConnection:
        """A connection; its pool opens with the first request."""
        return TwilioConnection(_own(credentials), options)

    def verify(self, request: ProviderRequest, credentials: BaseModel) -> bool:
        """X-Twilio-Signature over the exact address and body, with the account's auth token."""
        return is_signed(request, _own(credentials).auth_token.get_secret_value())

    def parse_status(self, request: ProviderRequest) -> Sequence[StatusReport]:
        """The one report of a status callback."""
        return (read_status(request),)


def _own(credentials: BaseModel) -> TwilioCredentials:
    if not isinstance(credentials, TwilioCredentials):
        raise TypeError(f"Twilio takes TwilioCredentials, not {type(credentials).__name__}")
    return credentials


PROVIDER: Final[Provider] = Twilio()
