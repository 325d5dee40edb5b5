"""Twilio for the contract: its simulator, and callbacks signed by Twilio's own library."""

import asyncio
import time
from urllib.parse import urlencode
from uuid import UUID

from twilio.request_validator import RequestValidator

from heliograph.domain.ledger import MessageState
from heliograph.providers.protocol import Account, ConnectionOptions, ProviderRequest, SenderAddress
from heliograph.providers.registry import provider
from heliograph.providers.twilio.connection import TwilioConnection, TwilioCredentials
from heliograph.simulator.accounts import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, DEMO_LONG_CODE
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, AnswerKind, Rule, Script, SendAnswer
from heliograph.stack.ports import free_port
from tests.providers.contract import Behaviour

CALLBACK_URL = "https://heliograph.example/callbacks/the-token/status"
LONG_CODE = SenderAddress("long_code", DEMO_LONG_CODE)
CREDENTIALS = TwilioCredentials(account_sid=DEMO_ACCOUNT_SID, auth_token=DEMO_AUTH_TOKEN)


def _error(status: int, code: int, retry_after: str | None = None) -> Script:
    answer = SendAnswer(kind=AnswerKind.ERROR, status=status, code=code, retry_after=retry_after)
    return Script(rules=[Rule(answer=answer)])


def _answers(kind: AnswerKind, status: int = 201, *, accepted: bool = False) -> Script:
    return Script(rules=[Rule(answer=SendAnswer(kind=kind, status=status, accepted=accepted))])


_SCRIPTS = {
    Behaviour.ACCEPTS: Script(),
    Behaviour.RATE_LIMITS: _error(429, 20429, "7"),
    Behaviour.FAILS: _error(500, 20500),
    Behaviour.ERRS_IN_200: _error(200, 21211),
    Behaviour.GARBLES: _answers(AnswerKind.MALFORMED, accepted=True),
    Behaviour.DROPS: _answers(AnswerKind.DROP),
    Behaviour.DROPS_AFTER_ACCEPTING: _answers(AnswerKind.DROP, accepted=True),
    Behaviour.IS_SILENT: _answers(AnswerKind.SILENCE, accepted=True),
    Behaviour.REFUSES_CREDENTIALS: Script(accounts={DEMO_ACCOUNT_SID: AccountScript(auth_token="f" * 32)}),
    Behaviour.SUSPENDED: Script(accounts={DEMO_ACCOUNT_SID: AccountScript(status="suspended")}),
    Behaviour.REFUSES_RECIPIENT: _error(400, 21211),
    Behaviour.KNOWS_OPT_OUT: _error(400, 21610),
    Behaviour.REFUSES_SENDER: _error(400, 21606),
    Behaviour.REFUSES_CONTENT: _error(400, 21617),
    Behaviour.REFUSES_STRANGELY: _error(400, 99999),
}


class TwilioPeer:
    """See `tests.providers.contract.Peer`."""

    provider = provider("twilio")
    account = Account(CREDENTIALS)
    sender = LONG_CODE
    statuses = (
        ("accepted", MessageState.ACCEPTED),
        ("queued", MessageState.ACCEPTED),
        ("scheduled", MessageState.ACCEPTED),
        ("sending", MessageState.ACCEPTED),
        ("sent", MessageState.SENT),
        ("delivered", MessageState.DELIVERED),
        ("read", MessageState.DELIVERED),
        ("undelivered", MessageState.UNDELIVERED),
        ("failed", MessageState.FAILED),
        ("canceled", MessageState.FAILED),
    )

    def __init__(self, simulator: SimulatorClient) -> None:
        self._simulator = simulator
        self.url = simulator.url

    async def behave(self, behaviour: Behaviour) -> None:
        """Sets the script."""
        await self._simulator.set_script(_SCRIPTS[behaviour])

    def open(
        self, *, timeout: float = 5.0, unreachable: bool = False, callback_url: str | None = CALLBACK_URL
    ) -> TwilioConnection:
        """A connection to the simulator."""
        url = f"http://127.0.0.1:{free_port()}" if unreachable else self._simulator.url
        return TwilioConnection(
            CREDENTIALS,
            ConnectionOptions(timeout=timeout, callback_url=callback_url, simulator_url=url),
        )

    async def accepted(self) -> int:
        """The simulator's count."""
        return await self._simulator.accepted_count()

    async def sent(self) -> None:
        """Each message says when it goes on."""
        last = max([each.sent_at async for each in self._simulator.accepted_messages()])
        await asyncio.sleep(max(0.0, last - time.time()))

    def callback(self, status: str, reference: tuple[UUID, int], *, token: str | None = None) -> ProviderRequest:
        """As Twilio posts it."""
        form = {
            "AccountSid": DEMO_ACCOUNT_SID,
            "From": DEMO_LONG_CODE,
            "MessageSid": "SM" + "0a" * 16,
            "MessageStatus": status,
            "SmsSid": "SM" + "0a" * 16,
            "SmsStatus": status,
            "To": "+447400123456",
        }
        if status in {"failed", "undelivered"}:
            form["ErrorCode"] = "30005"
        url = f"{CALLBACK_URL}?r={reference[0]}.{reference[1]}"
        return signed_request(url, form, token or DEMO_AUTH_TOKEN)


def signed_request(url: str, form: dict[str, str], token: str) -> ProviderRequest:
    """A form post signed by Twilio's own library."""
    signature = RequestValidator(token).compute_signature(url, form)
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "x-twilio-signature": signature}
    return ProviderRequest("POST", url, headers, urlencode(form).encode())
