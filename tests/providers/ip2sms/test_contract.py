"""IP2SMS keeps the contract of providers."""

from typing import ClassVar

from tests.providers.contract import Behaviour, ProviderContract


class TestIp2sms(ProviderContract):
    """Both forms. It has no word for an opt-out, and 200 with an error in the body is how it always rejects."""

    cannot: ClassVar[frozenset[Behaviour]] = frozenset({Behaviour.KNOWS_OPT_OUT, Behaviour.ERRS_IN_200})
