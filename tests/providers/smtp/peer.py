"""SMTP for the contract: the simulated mail relay, told in the words of the suite how to behave."""

from uuid import UUID

from heliograph.domain.ledger import MessageState
from heliograph.ids import new_id
from heliograph.providers.protocol import (
    Account,
    ConnectionOptions,
    EmailContent,
    OutgoingMessage,
    ProviderRequest,
    SenderAddress,
)
from heliograph.providers.registry import provider
from heliograph.providers.smtp.account import SmtpConfiguration, SmtpCredentials
from heliograph.providers.smtp.connection import SmtpConnection
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, AnswerKind, Rule, Script, SendAnswer
from heliograph.stack.ports import free_port
from tests.providers import contract
from tests.providers.contract import Behaviour

SENDER = SenderAddress("email_address", "Grüße <news@shop.example>")
CREDENTIALS = SmtpCredentials(username="shop", password="open sesame")
CONFIGURATION = SmtpConfiguration(host="relay.example")


def _error(status: int, code: str | None = None) -> Script:
    return Script(rules=[Rule(answer=SendAnswer(kind=AnswerKind.ERROR, status=status, code=code))])


def _answers(kind: AnswerKind, *, accepted: bool = False) -> Script:
    return Script(rules=[Rule(answer=SendAnswer(kind=kind, accepted=accepted))])


_SCRIPTS = {
    Behaviour.ACCEPTS: Script(),
    Behaviour.RATE_LIMITS: _error(429),
    Behaviour.GARBLES: _answers(AnswerKind.MALFORMED, accepted=True),
    Behaviour.DROPS: _answers(AnswerKind.DROP),
    Behaviour.DROPS_AFTER_ACCEPTING: _answers(AnswerKind.DROP, accepted=True),
    Behaviour.IS_SILENT: _answers(AnswerKind.SILENCE, accepted=True),
    Behaviour.REFUSES_CREDENTIALS: Script(accounts={"shop": AccountScript(auth_token="another")}),
    Behaviour.SUSPENDED: Script(accounts={"shop": AccountScript(status="suspended")}),
    Behaviour.REFUSES_RECIPIENT: _error(400, "5.1.1"),
    Behaviour.REFUSES_SENDER: _error(400, "5.1.8"),
    Behaviour.REFUSES_CONTENT: _error(400, "5.7.1"),
    Behaviour.REFUSES_STRANGELY: _error(400, "5.5.99"),
}


def email(*, to: str = "ann@example.com", body: str = "Grüße, Ann 😀", seconds: float = 30.0) -> OutgoingMessage:
    """One mail's worth."""
    plain = contract.message(to=to, body=body, seconds=seconds)
    content = EmailContent("Grüße 😀", f"<p>{body}</p>")
    return OutgoingMessage(new_id(), 1, plain.to, plain.body, plain.valid_until, content)


class SmtpPeer:
    """See `tests.providers.contract.Peer`."""

    provider = provider("smtp")
    account = Account(CREDENTIALS, CONFIGURATION)
    sender = SENDER
    statuses: tuple[tuple[str, MessageState], ...] = ()  # what comes back by mail is tested in test_bounces

    def __init__(self, simulator: SimulatorClient, smtp_port: int) -> None:
        self._simulator = simulator
        self._smtp_port = smtp_port

    async def behave(self, behaviour: Behaviour) -> None:
        """Sets the script."""
        await self._simulator.set_script(_SCRIPTS[behaviour])

    def open(self, *, timeout: float = 5.0, unreachable: bool = False) -> SmtpConnection:
        """A connection to the simulated relay."""
        port = free_port() if unreachable else self._smtp_port
        options = ConnectionOptions(timeout=timeout, callback_url=None, simulated_relay=("127.0.0.1", port))
        return SmtpConnection(CREDENTIALS, CONFIGURATION, options)

    async def accepted(self) -> int:
        """The simulator's count."""
        return await self._simulator.accepted_count()

    async def sent(self) -> None:
        """A relay tells nothing."""

    def callback(self, status: str, reference: tuple[UUID, int], *, token: str | None = None) -> ProviderRequest:
        """A relay makes none."""
        raise NotImplementedError
