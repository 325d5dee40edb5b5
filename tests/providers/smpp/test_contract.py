"""SMPP against its simulator."""

from tests.providers.contract import ProviderContract


class TestSmpp(ProviderContract):
    """See the suite."""
