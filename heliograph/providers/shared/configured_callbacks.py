"""Callbacks of providers that publish nothing about them: read by the connector's configuration."""

from collections.abc import Sequence

from pydantic import Field

from heliograph.providers.protocol import Account, InboundMessage, ProviderRequest, StatusReport
from heliograph.providers.shared.unpublished import (
    InboundFields,
    ReceiptFields,
    Unpublished,
    read_inbound,
    read_receipts,
)


class CallbackConfiguration(Unpublished):
    """What a connector's configuration says of callbacks. Without it the connector sends, and callbacks are refused."""

    receipts: ReceiptFields | None = Field(default=None, description="How delivery reports are read.")
    inbound: InboundFields | None = Field(default=None, description="How messages from people are read.")


class ConfiguredCallbacks:
    """The part of a provider that reads its callbacks."""

    def verify(self, request: ProviderRequest, account: Account) -> bool:  # noqa: ARG002
        """Nothing is signed: the secret address is the proof."""
        return True

    def parse_status(self, request: ProviderRequest, account: Account) -> Sequence[StatusReport]:
        """The reports, by the configured fields."""
        return read_receipts(_configuration(account).receipts, request)

    def parse_inbound(self, request: ProviderRequest, account: Account) -> Sequence[InboundMessage]:
        """The messages, by the configured fields."""
        return read_inbound(_configuration(account).inbound, request)


def _configuration(account: Account) -> CallbackConfiguration:
    if not isinstance(account.configuration, CallbackConfiguration):
        raise TypeError(f"a CallbackConfiguration is needed, not {type(account.configuration).__name__}")
    return account.configuration
