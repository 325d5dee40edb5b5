"""Sinch: SMS through the batches of its REST API. See docs/providers/sinch.md."""

from collections.abc import Sequence
from typing import ClassVar, Final

from pydantic import BaseModel

from heliograph.domain.vocabulary import Channel
from heliograph.providers.protocol import (
    Account,
    Capabilities,
    ConnectionOptions,
    InboundMessage,
    Provider,
    ProviderRequest,
    StatusReport,
)
from heliograph.providers.shared.sender_kinds import ALPHANUMERIC, LONG_CODE, SHORT_CODE
from heliograph.providers.sinch.answers import NAME
from heliograph.providers.sinch.batches import LONGEST_TEXT
from heliograph.providers.sinch.connection import KEY, SinchConfiguration, SinchConnection, SinchCredentials
from heliograph.providers.sinch.reports import read_inbound, read_object, read_reports
from heliograph.providers.sinch.signatures import is_signed

_BATCH_SIZE: Final = 100
"""Sinch takes a thousand. One answer decides for the whole batch, and a tenth of it keeps what is in doubt small."""


class Sinch:
    """The kind of connector. Stateless."""

    key: ClassVar[str] = KEY
    name: ClassVar[str] = NAME
    capabilities: ClassVar[Capabilities] = Capabilities(
        channels=frozenset({Channel.SMS}),
        sender_kinds=(LONG_CODE, SHORT_CODE, ALPHANUMERIC),
        batch_size=_BATCH_SIZE,
        poll_size=_BATCH_SIZE,
        references=False,
        balance=False,
        counts_parts=False,
        longest_body=LONGEST_TEXT,
        proven_by=("simulator", "the models and the signature check of Sinch's own SDK"),
    )
    credentials: ClassVar[type[BaseModel]] = SinchCredentials
    configuration: ClassVar[type[BaseModel]] = SinchConfiguration

    def open(self, account: Account, options: ConnectionOptions) -> SinchConnection:
        """A connection; its pool opens with the first request."""
        if not isinstance(account.configuration, SinchConfiguration):
            raise TypeError(f"Sinch takes a SinchConfiguration, not {type(account.configuration).__name__}")
        return SinchConnection(_credentials(account), account.configuration, options)

    def verify(self, request: ProviderRequest, account: Account) -> bool:
        """The signature, where the account has a secret for it; else the secret address is the proof."""
        secret = _credentials(account).callback_secret
        return secret is None or is_signed(secret.get_secret_value(), request.headers, request.body)

    def parse_status(self, request: ProviderRequest, account: Account) -> Sequence[StatusReport]:  # noqa: ARG002
        """The reports of a delivery report."""
        return read_reports(read_object(request.body))

    def parse_inbound(self, request: ProviderRequest, account: Account) -> Sequence[InboundMessage]:  # noqa: ARG002
        """The message of an inbound callback."""
        return read_inbound(read_object(request.body))


def _credentials(account: Account) -> SinchCredentials:
    if not isinstance(account.credentials, SinchCredentials):
        raise TypeError(f"Sinch takes SinchCredentials, not {type(account.credentials).__name__}")
    return account.credentials


PROVIDER: Final[Provider] = Sinch()
