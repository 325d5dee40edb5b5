"""Routee for the contract: its simulator, and callbacks as Routee's documentation has them."""

import asyncio
import time
from uuid import UUID

import orjson

from heliograph.domain.ledger import MessageState
from heliograph.providers.protocol import Account, ConnectionOptions, ProviderRequest, SenderAddress
from heliograph.providers.registry import provider
from heliograph.providers.routee.connection import RouteeConnection, RouteeCredentials
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, AnswerKind, Rule, Script, SendAnswer
from heliograph.stack.ports import free_port
from tests.providers.contract import Behaviour

APPLICATION = "application-1"
CREDENTIALS = RouteeCredentials.model_validate({"application_id": APPLICATION, "application_secret": "5" * 20})
CALLBACK_URL = "https://heliograph.example/callbacks/the-token/status"
SENDER = SenderAddress("alphanumeric", "ACME")


def error(status: int, code: str, retry_after: str | None = None) -> Script:
    """A script that answers with this error."""
    answer = SendAnswer(kind=AnswerKind.ERROR, status=status, code=code, retry_after=retry_after)
    return Script(rules=[Rule(answer=answer)])


def _answers(kind: AnswerKind, *, accepted: bool = False) -> Script:
    return Script(rules=[Rule(answer=SendAnswer(kind=kind, status=200, accepted=accepted))])


_SCRIPTS = {
    Behaviour.ACCEPTS: Script(),
    Behaviour.RATE_LIMITS: error(429, "429005000", "7"),
    Behaviour.FAILS: error(500, "500005000"),
    Behaviour.ERRS_IN_200: error(200, "400005000"),
    Behaviour.GARBLES: _answers(AnswerKind.MALFORMED, accepted=True),
    Behaviour.DROPS: _answers(AnswerKind.DROP),
    Behaviour.DROPS_AFTER_ACCEPTING: _answers(AnswerKind.DROP, accepted=True),
    Behaviour.IS_SILENT: _answers(AnswerKind.SILENCE, accepted=True),
    Behaviour.REFUSES_CREDENTIALS: Script(accounts={APPLICATION: AccountScript(auth_token="another")}),
    Behaviour.REFUSES_SENDER: error(400, "400005000"),
    Behaviour.REFUSES_STRANGELY: error(400, "400005999"),
}
CANNOT = frozenset(Behaviour) - _SCRIPTS.keys()
"""Of its codes for refusals Routee publishes one."""


class RouteePeer:
    """See `tests.providers.contract.Peer`."""

    provider = provider("routee")
    account = Account(CREDENTIALS)
    sender = SENDER
    statuses = (
        ("Queued", MessageState.ACCEPTED),
        ("Sent", MessageState.SENT),
        ("Delivered", MessageState.DELIVERED),
        ("Undelivered", MessageState.UNDELIVERED),
        ("Failed", MessageState.FAILED),
        ("Unsent", MessageState.FAILED),
    )

    def __init__(self, simulator: SimulatorClient) -> None:
        self.simulator = simulator

    async def behave(self, behaviour: Behaviour) -> None:
        """Sets the script."""
        await self.simulator.set_script(_SCRIPTS[behaviour])

    def open(
        self, *, timeout: float = 5.0, unreachable: bool = False, callback_url: str | None = CALLBACK_URL
    ) -> RouteeConnection:
        """A connection to the simulator."""
        url = f"http://127.0.0.1:{free_port()}" if unreachable else self.simulator.url
        return RouteeConnection(CREDENTIALS, ConnectionOptions(timeout, callback_url, simulator_url=url))

    async def accepted(self) -> int:
        """The simulator's count."""
        return await self.simulator.accepted_count()

    async def sent(self) -> None:
        """Each message says when it goes on."""
        last = max([each.sent_at async for each in self.simulator.accepted_messages()])
        await asyncio.sleep(max(0.0, last - time.time()))

    def callback(self, status: str, reference: tuple[UUID, int], *, token: str | None = None) -> ProviderRequest:
        """As Routee posts it, unsigned."""
        return callback({"status": {"name": status}}, f"{CALLBACK_URL}?r={reference[0]}.{reference[1]}")


def callback(changes: dict[str, object], url: str = CALLBACK_URL) -> ProviderRequest:
    """A callback of a message of one part with these changes."""
    content = {"messageId": "tracking-1", "smsId": "sms-1", "part": 1, "parts": 1, "to": "+447400123456", **changes}
    return ProviderRequest("POST", url, {"content-type": "application/json"}, orjson.dumps(content))
