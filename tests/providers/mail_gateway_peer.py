"""E-mail gateways for the contract: one request a mail, events to an address of the account, nothing signed."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import ClassVar
from uuid import UUID

import orjson

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

API_KEY = "right"
SENDER = SenderAddress("email_address", "Shop <news@shop.example>")
CALLBACK_URL = "https://heliograph.example/callbacks/the-token/status"

EVENTS = (
    ("sent", MessageState.SENT),
    ("opened", MessageState.DELIVERED),
    ("clicked", MessageState.DELIVERED),
    ("bounced", MessageState.UNDELIVERED),
    ("invalid", MessageState.UNDELIVERED),
    ("dropped", MessageState.FAILED),
)


def _error(status: int, message: str = "", retry_after: str | None = None) -> SendAnswer:
    return SendAnswer(kind=AnswerKind.ERROR, status=status, message=message or None, retry_after=retry_after)


class MailGatewayPeer:
    """See `tests.providers.contract.Peer`; its kind says who it is and what it calls things."""

    provider: Provider
    account: Account
    sender = SENDER
    words: ClassVar[Mapping[Behaviour, str]]  # what the gateway calls each refusal
    statuses: Sequence[tuple[str, MessageState]] = EVENTS

    def __init__(self, simulator: SimulatorClient) -> None:
        self.simulator = simulator

    async def behave(self, behaviour: Behaviour) -> None:
        """Sets the script."""
        if behaviour is Behaviour.REFUSES_CREDENTIALS:
            await self.simulator.set_script(Script(accounts={API_KEY: AccountScript(auth_token="another")}))
            return
        answers = {
            Behaviour.ACCEPTS: SendAnswer(),
            Behaviour.RATE_LIMITS: _error(429, retry_after="7"),
            Behaviour.FAILS: _error(500),
            Behaviour.ERRS_IN_200: _error(200, "something"),
            Behaviour.GARBLES: SendAnswer(kind=AnswerKind.MALFORMED, status=200, accepted=True),
            Behaviour.DROPS: SendAnswer(kind=AnswerKind.DROP),
            Behaviour.DROPS_AFTER_ACCEPTING: SendAnswer(kind=AnswerKind.DROP, accepted=True),
            Behaviour.IS_SILENT: SendAnswer(kind=AnswerKind.SILENCE, accepted=True),
        }
        answer = answers.get(behaviour) or _error(400, self.words[behaviour])
        await self.simulator.set_script(Script(rules=[Rule(answer=answer)]))

    def open(self, *, timeout: float = 5.0, unreachable: bool = False) -> ProviderConnection:
        """A connection to the simulator."""
        url = f"http://127.0.0.1:{free_port()}" if unreachable else self.simulator.url
        return self.provider.open(
            self.account, ConnectionOptions(timeout=timeout, callback_url=CALLBACK_URL, simulator_url=url)
        )

    async def accepted(self) -> int:
        """The simulator's count."""
        return await self.simulator.accepted_count()

    async def sent(self) -> None:
        """Each message says when it goes on."""
        last = max([each.sent_at async for each in self.simulator.accepted_messages()])
        await asyncio.sleep(max(0.0, last - time.time()))

    def callback(self, status: str, reference: tuple[UUID, int], *, token: str | None = None) -> ProviderRequest:
        """An array with one event."""
        return events({"EVENT": status, "TRANSID": 15, "X-APIHEADER": f"{reference[0]}.{reference[1]}"})


def events(*given: Mapping[str, object]) -> ProviderRequest:
    """A callback with these events."""
    return ProviderRequest("POST", CALLBACK_URL, {"content-type": "application/json"}, orjson.dumps(list(given)))
