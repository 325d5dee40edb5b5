"""Routee keeps the contract of providers, against the real simulator process."""

from tests.providers.contract import ProviderContract
from tests.providers.routee.peer import CANNOT


class TestRoutee(ProviderContract):
    """The suite; the `peer` fixture is in conftest."""

    cannot = CANNOT
