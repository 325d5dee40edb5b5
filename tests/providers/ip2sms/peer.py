"""IP2SMS for the contract: its simulator, in either form."""

import asyncio
import time
from typing import Any
from uuid import UUID

from heliograph.domain.ledger import MessageState
from heliograph.providers.ip2sms.configuration import Ip2smsConfiguration, Ip2smsCredentials
from heliograph.providers.ip2sms.connection import Ip2smsConnection
from heliograph.providers.protocol import Account, ConnectionOptions, ProviderRequest, SenderAddress
from heliograph.providers.registry import provider
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, AnswerKind, Rule, Script, SendAnswer
from heliograph.stack.ports import free_port
from tests.providers.contract import Behaviour

LOGIN = "shop"
CREDENTIALS = Ip2smsCredentials.model_validate({"login": LOGIN, "password": "s3cret"})
SHOP = SenderAddress("alphanumeric", "Shop")


def configured(**changes: Any) -> Ip2smsConfiguration:
    """An operator's addresses, and what a test chooses."""
    return Ip2smsConfiguration.model_validate(
        {
            "send_url": "https://api.operator.example/ip2sms/",
            "status_url": "https://api.operator.example/ip2sms-request/",
            **changes,
        }
    )


def _error(status: int, code: int | str, retry_after: str | None = None) -> Script:
    answer = SendAnswer(kind=AnswerKind.ERROR, status=status, code=code, retry_after=retry_after)
    return Script(rules=[Rule(answer=answer)])


def _answers(kind: AnswerKind, status: int = 200, *, accepted: bool = False) -> Script:
    return Script(rules=[Rule(answer=SendAnswer(kind=kind, status=status, accepted=accepted))])


SCRIPTS = {
    Behaviour.ACCEPTS: Script(),
    Behaviour.RATE_LIMITS: _error(429, "slow down", "7"),
    Behaviour.FAILS: _error(500, "oops"),
    Behaviour.GARBLES: _answers(AnswerKind.MALFORMED, accepted=True),
    Behaviour.DROPS: _answers(AnswerKind.DROP),
    Behaviour.DROPS_AFTER_ACCEPTING: _answers(AnswerKind.DROP, accepted=True),
    Behaviour.IS_SILENT: _answers(AnswerKind.SILENCE, accepted=True),
    Behaviour.REFUSES_CREDENTIALS: Script(accounts={LOGIN: AccountScript(auth_token="another")}),
    Behaviour.SUSPENDED: Script(accounts={LOGIN: AccountScript(status="suspended")}),
    Behaviour.REFUSES_RECIPIENT: _error(400, "Invalid abonent number"),
    Behaviour.REFUSES_SENDER: _error(400, "Invalid source number"),
    Behaviour.REFUSES_CONTENT: _error(400, "Text don`t match allowed templates"),
    Behaviour.REFUSES_STRANGELY: _error(400, "Moon in the wrong house"),
}


class Ip2smsPeer:
    """See `tests.providers.contract.Peer`."""

    provider = provider("ip2sms")
    sender = SHOP
    statuses = (
        ("Accepted", MessageState.ACCEPTED),
        ("Pending", MessageState.ACCEPTED),
        ("Enroute", MessageState.SENT),
        ("Delivered", MessageState.DELIVERED),
        ("Expired", MessageState.UNDELIVERED),
        ("Undeliverable", MessageState.UNDELIVERED),
        ("Unknown", MessageState.UNDELIVERED),
        ("Deleted", MessageState.FAILED),
        ("Rejected", MessageState.FAILED),
        ("Unaccepted", MessageState.FAILED),
        ("Terminated", MessageState.FAILED),
    )

    def __init__(self, simulator: SimulatorClient, **choices: Any) -> None:
        self.simulator = simulator
        self.account = Account(CREDENTIALS, configured(**choices))

    async def behave(self, behaviour: Behaviour) -> None:
        """Sets the script."""
        await self.simulator.set_script(SCRIPTS[behaviour])

    def open(self, *, timeout: float = 5.0, unreachable: bool = False) -> Ip2smsConnection:
        """A connection to the simulator."""
        url = f"http://127.0.0.1:{free_port()}" if unreachable else self.simulator.url
        assert isinstance(self.account.configuration, Ip2smsConfiguration)
        options = ConnectionOptions(timeout=timeout, callback_url=None, simulator_url=url)
        return Ip2smsConnection(CREDENTIALS, self.account.configuration, options)

    async def accepted(self) -> int:
        """The simulator's count."""
        return await self.simulator.accepted_count()

    async def sent(self) -> None:
        """Each message says when it goes on."""
        last = max([each.sent_at async for each in self.simulator.accepted_messages()])
        await asyncio.sleep(max(0.0, last - time.time()))

    def callback(self, status: str, reference: tuple[UUID, int], *, token: str | None = None) -> ProviderRequest:
        """There are none."""
        raise NotImplementedError
