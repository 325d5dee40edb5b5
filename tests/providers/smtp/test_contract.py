"""SMTP keeps the contract of providers, as far as its protocol has words for it."""

from typing import ClassVar

from heliograph.providers.protocol import OutgoingMessage
from tests.providers.contract import Behaviour, ProviderContract
from tests.providers.smtp.peer import email


class TestSmtp(ProviderContract):
    """The suite; the `peer` fixture is in conftest."""

    cannot: ClassVar[frozenset[Behaviour]] = frozenset(
        {
            Behaviour.FAILS,  # 4xx is known not to be processed: see test_connection
            Behaviour.ERRS_IN_200,
            Behaviour.KNOWS_OPT_OUT,
        }
    )
    says_when_to_come_back: ClassVar[bool] = False

    def message(
        self, *, to: str = "ann@example.com", body: str = "Grüße, Ann 😀", seconds: float = 30.0
    ) -> OutgoingMessage:
        """A mail."""
        return email(to=to, body=body, seconds=seconds)
