"""Sinch for the contract: its simulator, and callbacks signed by Sinch's own SDK."""

import asyncio
import time
from uuid import UUID

import orjson

from heliograph.domain.ledger import MessageState
from heliograph.providers.protocol import Account, ConnectionOptions, ProviderRequest, SenderAddress
from heliograph.providers.registry import provider
from heliograph.providers.sinch.connection import SinchConfiguration, SinchConnection, SinchCredentials
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, AnswerKind, Rule, Script, SendAnswer
from heliograph.stack.ports import free_port
from tests.providers.contract import Behaviour
from tests.providers.sinch.oracle import sign

PLAN = "plan1"
SECRET = "the-secret"  # opens nothing
CREDENTIALS = SinchCredentials.model_validate(
    {"service_plan_id": PLAN, "api_token": "5" * 20, "callback_secret": SECRET}
)
CALLBACK_URL = "https://heliograph.example/callbacks/the-token/status"
SENDER = SenderAddress("long_code", "+12015550123")


def error(status: int, code: str, retry_after: str | None = None) -> Script:
    """A script that answers with this error."""
    answer = SendAnswer(kind=AnswerKind.ERROR, status=status, code=code, retry_after=retry_after)
    return Script(rules=[Rule(answer=answer)])


def _answers(kind: AnswerKind, *, accepted: bool = False) -> Script:
    return Script(rules=[Rule(answer=SendAnswer(kind=kind, status=201, accepted=accepted))])


_SCRIPTS = {
    Behaviour.ACCEPTS: Script(),
    Behaviour.RATE_LIMITS: error(429, "", "7"),
    Behaviour.ERRS_IN_200: error(200, "syntax_constraint_violation"),
    Behaviour.GARBLES: _answers(AnswerKind.MALFORMED, accepted=True),
    Behaviour.DROPS: _answers(AnswerKind.DROP),
    Behaviour.DROPS_AFTER_ACCEPTING: _answers(AnswerKind.DROP, accepted=True),
    Behaviour.IS_SILENT: _answers(AnswerKind.SILENCE, accepted=True),
    Behaviour.REFUSES_CREDENTIALS: Script(accounts={PLAN: AccountScript(auth_token="another")}),
    Behaviour.REFUSES_RECIPIENT: error(400, "syntax_invalid_parameter_format"),
    Behaviour.REFUSES_SENDER: error(403, "unknown_campaign"),
    Behaviour.REFUSES_CONTENT: error(400, "syntax_constraint_violation"),
    Behaviour.REFUSES_STRANGELY: error(400, "nobody_knows"),
}
CANNOT = frozenset(Behaviour) - _SCRIPTS.keys()
"""Sinch documents 500 as not processed, and has no words for opt-outs and suspended accounts."""


class SinchPeer:
    """See `tests.providers.contract.Peer`."""

    provider = provider("sinch")
    account = Account(CREDENTIALS, SinchConfiguration())
    sender = SENDER
    statuses = (
        ("Queued", MessageState.ACCEPTED),
        ("Dispatched", MessageState.SENT),
        ("Delivered", MessageState.DELIVERED),
        ("DELIVERED", MessageState.DELIVERED),
        ("Aborted", MessageState.FAILED),
        ("Cancelled", MessageState.FAILED),
        ("Rejected", MessageState.UNDELIVERED),
        ("Deleted", MessageState.UNDELIVERED),
        ("Failed", MessageState.UNDELIVERED),
        ("Expired", MessageState.UNDELIVERED),
        ("Unknown", MessageState.SENT),
    )

    def __init__(self, simulator: SimulatorClient) -> None:
        self.simulator = simulator

    async def behave(self, behaviour: Behaviour) -> None:
        """Sets the script."""
        await self.simulator.set_script(_SCRIPTS[behaviour])

    def open(
        self, *, timeout: float = 5.0, unreachable: bool = False, callback_url: str | None = CALLBACK_URL
    ) -> SinchConnection:
        """A connection to the simulator."""
        url = f"http://127.0.0.1:{free_port()}" if unreachable else self.simulator.url
        options = ConnectionOptions(timeout, callback_url, simulator_url=url)
        return SinchConnection(CREDENTIALS, SinchConfiguration(), options)

    async def accepted(self) -> int:
        """The simulator's count."""
        return await self.simulator.accepted_count()

    async def sent(self) -> None:
        """Each message says when it goes on."""
        last = max([each.sent_at async for each in self.simulator.accepted_messages()])
        await asyncio.sleep(max(0.0, last - time.time()))

    def callback(self, status: str, reference: tuple[UUID, int], *, token: str | None = None) -> ProviderRequest:
        """A report on one recipient of a batch, which names none of our messages."""
        return signed({"status": status, "code": 402}, secret=token or SECRET)


def report(changes: dict[str, object]) -> bytes:
    """A recipient's delivery report with these changes."""
    content = {
        "type": "recipient_delivery_report_sms",
        "batch_id": "01FC66621XXXXX119Z8PMV1QPQ",
        "recipient": "447400123456",
        "at": "2026-01-02T03:04:05.678Z",
        **changes,
    }
    return orjson.dumps(content)


def signed(changes: dict[str, object], *, secret: str = SECRET) -> ProviderRequest:
    """The report as it is posted, signed by Sinch's own SDK."""
    body = report(changes)
    headers = {
        "content-type": "application/json",
        "x-sinch-webhook-signature": sign(secret, body, "nonce", "1767323045"),
        "x-sinch-webhook-signature-nonce": "nonce",
        "x-sinch-webhook-signature-timestamp": "1767323045",
    }
    return ProviderRequest("POST", CALLBACK_URL, headers, body)
