"""Callbacks of providers that publish nothing about them: read as those of the custom connector, by configuration."""

from collections.abc import Sequence

from pydantic import Field

from heliograph.providers.custom.callbacks import Inbound, Receipts
from heliograph.providers.protocol import Account, InboundMessage, ProviderRequest, StatusReport
from heliograph.providers.shared.unpublished import Unpublished, not_configured


class CallbackConfiguration(Unpublished):
    """What a connector's configuration says of callbacks. Without it the connector sends, and callbacks are refused."""

    receipts: Receipts | None = Field(default=None, description="How delivery reports are read.")
    inbound: Inbound | None = Field(default=None, description="How messages from people are read.")


class ConfiguredCallbacks:
    """The part of a provider that reads its callbacks."""

    def verify(self, request: ProviderRequest, account: Account) -> bool:  # noqa: ARG002
        """Nothing is signed: the secret address is the proof."""
        return True

    def parse_status(self, request: ProviderRequest, account: Account) -> Sequence[StatusReport]:
        """The reports, by the configured fields."""
        receipts = _configuration(account).receipts
        if receipts is None:
            raise not_configured("receipts", "delivery reports")
        return receipts.read(request)

    def parse_inbound(self, request: ProviderRequest, account: Account) -> Sequence[InboundMessage]:
        """The messages, by the configured fields."""
        return read_inbound(_configuration(account).inbound, request)


def read_inbound(fields: Inbound | None, request: ProviderRequest) -> Sequence[InboundMessage]:
    """The messages; `InvalidInput` where it was never configured how they are read."""
    if fields is None:
        raise not_configured("inbound", "inbound messages")
    return fields.read(request)


def _configuration(account: Account) -> CallbackConfiguration:
    if not isinstance(account.configuration, CallbackConfiguration):
        raise TypeError(f"a CallbackConfiguration is needed, not {type(account.configuration).__name__}")
    return account.configuration
