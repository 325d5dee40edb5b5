"""Simple gateways for the contract: one request a message, receipts to an address of the account, nothing signed."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import urlencode
from uuid import UUID

from heliograph.domain.ledger import MessageState
from heliograph.providers.protocol import (
    Account,
    ConnectionOptions,
    Provider,
    ProviderConnection,
    ProviderRequest,
    SenderAddress,
)
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, AnswerKind, Rule, Script, SendAnswer
from heliograph.stack.ports import free_port
from tests.providers.contract import Behaviour

CALLBACK_URL = "https://heliograph.example/callbacks/the-token/status"
_ANSWERS = {
    Behaviour.ACCEPTS: SendAnswer(),
    Behaviour.RATE_LIMITS: SendAnswer(kind=AnswerKind.ERROR, status=429, retry_after="7"),
    Behaviour.FAILS: SendAnswer(kind=AnswerKind.ERROR, status=500),
    Behaviour.GARBLES: SendAnswer(kind=AnswerKind.MALFORMED, status=200, accepted=True),
    Behaviour.DROPS: SendAnswer(kind=AnswerKind.DROP),
    Behaviour.DROPS_AFTER_ACCEPTING: SendAnswer(kind=AnswerKind.DROP, accepted=True),
    Behaviour.IS_SILENT: SendAnswer(kind=AnswerKind.SILENCE, accepted=True),
}


class GatewayPeer:
    """See `tests.providers.contract.Peer`; its kind says who it is and what it calls things."""

    provider: Provider
    account: Account
    sender: SenderAddress
    account_name: ClassVar[str]  # at the simulator
    codes: ClassVar[Mapping[Behaviour, str]]  # what the gateway calls each refusal
    statuses: Sequence[tuple[str, MessageState]]

    def __init__(self, simulator: SimulatorClient) -> None:
        self.simulator = simulator

    async def behave(self, behaviour: Behaviour) -> None:
        """Sets the script."""
        await self.simulator.set_script(self._script(behaviour))

    def _script(self, behaviour: Behaviour) -> Script:
        if behaviour is Behaviour.REFUSES_CREDENTIALS:
            return Script(accounts={self.account_name: AccountScript(auth_token="f" * 32)})
        if behaviour is Behaviour.SUSPENDED:
            return Script(accounts={self.account_name: AccountScript(status="suspended")})
        answer = _ANSWERS.get(behaviour)
        if answer is None:
            answer = SendAnswer(kind=AnswerKind.ERROR, status=400, code=self.codes[behaviour])
        return Script(rules=[Rule(answer=answer)])

    def open(
        self, *, timeout: float = 5.0, unreachable: bool = False, account: Account | None = None
    ) -> ProviderConnection:
        """A connection to the simulator."""
        url = f"http://127.0.0.1:{free_port()}" if unreachable else self.simulator.url
        options = ConnectionOptions(timeout=timeout, callback_url=CALLBACK_URL, simulator_url=url)
        return self.provider.open(account or self.account, options)

    async def accepted(self) -> int:
        """The simulator's count."""
        return await self.simulator.accepted_count()

    async def sent(self) -> None:
        """Each message says when it goes on."""
        last = max([each.sent_at async for each in self.simulator.accepted_messages()])
        await asyncio.sleep(max(0.0, last - time.time()))

    def callback(
        self,
        status: str,
        reference: tuple[UUID, int],
        *,
        token: str | None = None,
    ) -> ProviderRequest:
        """A report by GET, without our reference: these gateways are not known to send it back."""
        return by_get(self.report(status))

    def report(self, status: str) -> Mapping[str, str]:
        """The fields of a report."""
        raise NotImplementedError


def by_get(fields: Mapping[str, str]) -> ProviderRequest:
    """A callback with everything in its query."""
    return ProviderRequest("GET", f"{CALLBACK_URL}?{urlencode(fields)}", {}, b"")
