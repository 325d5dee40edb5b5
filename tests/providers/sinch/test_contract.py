"""Sinch keeps the contract of providers, against the real simulator process."""

from tests.providers.contract import ProviderContract
from tests.providers.sinch.peer import CANNOT


class TestSinch(ProviderContract):
    """The suite; the `peer` fixture is in conftest."""

    cannot = CANNOT
