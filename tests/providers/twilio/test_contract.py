"""Twilio keeps the contract of providers, against the real simulator process."""

from tests.providers.contract import ProviderContract


class TestTwilio(ProviderContract):
    """The suite; the `peer` fixture is in conftest."""
