"""What simulated e-mail gateways over HTTP have in common: they check a request, and bring it to the desk."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import orjson

from heliograph.simulator.delivery import Callback
from heliograph.simulator.desk import Desk, Submission
from heliograph.simulator.http import Reply, Request
from heliograph.simulator.messages import AcceptedMessage
from heliograph.simulator.script import SendAnswer
from heliograph.simulator.statuses import DELIVERED, FAILED, SENT, UNDELIVERED

_ADDRESS: Final = re.compile(r"[^\s@]+@[^\s@]+")
_EVENTS: Final = {SENT: "sent", DELIVERED: "opened", UNDELIVERED: "bounced", FAILED: "dropped"}
_RESPONSES: Final = {
    30003: "451 4.4.7 delivery time expired",
    30005: "550 5.1.1 no such user",
    30006: "550 5.1.2 no such domain",
    30007: "550 5.7.1 refused by policy",
}
"""The codes of the presets are Twilio's. Scripts for mail write 5.1.1 as 511."""
_JSON: Final = b"Content-Type: application/json\r\n"


@dataclass(frozen=True, slots=True)
class MailCall:
    """A request to send, as a gateway understood it."""

    secret: str
    to: str
    sender: str
    body: str
    reference: str = ""  # X-APIHEADER, as it will come back


class MailGatewayApi(ABC):
    """A simulated gateway. The account is known by its key alone, so the account's name at the simulator is the key."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def answer(self, request: Request) -> Reply:
        """The reply to a request."""
        call = self.read(request)
        if call is None:
            return Reply(404, b"not found", content_type=b"text/plain")
        account = self._desk.account(call.secret)
        if not account.takes(call.secret):
            return self.word_error(401, "Unauthorized")
        if not account.may_request():
            return Reply(429, headers=b"Retry-After: 1\r\n")
        if not _ADDRESS.fullmatch(call.to) or not _ADDRESS.fullmatch(call.sender) or not call.body:
            return self.word_error(400, "recipient, sender or content is missing or not valid")
        submission = Submission(uuid4().hex, call.to, call.sender, call.body, call.reference, segments=1)
        return self._desk.submit(account, self, [submission])

    def error(self, answer: SendAnswer, submission: Submission) -> Reply:
        """A scripted error."""
        return self.word_error(answer.status, answer.message or str(answer.code or f"Error about {submission.to}"))

    def callbacks(self, message: AcceptedMessage, status: int, url: str) -> Sequence[Callback]:
        """An array with one event; what reaches its recipient is opened at once."""
        event = _EVENTS.get(status)
        if event is None:
            return ()
        content = {
            "TRANSID": message.sid,
            "EMAIL": message.to,
            "EVENT": event,
            "TIMESTAMP": int(message.final_at),
            "FROMADDRESS": message.sender,
            "RESPONSE": _response(message.error_code) if status in {UNDELIVERED, FAILED} else "",
            "X-APIHEADER": message.reference,
        }
        return (Callback(url, orjson.dumps([content]), _JSON),)

    @abstractmethod
    def read(self, request: Request) -> MailCall | None:
        """What is asked for; None for an address that is not the gateway's."""

    @abstractmethod
    def accepted(self, messages: Sequence[AcceptedMessage]) -> Reply:
        """The answer to a mail that was accepted."""

    @abstractmethod
    def word_error(self, status: int, text: str) -> Reply:
        """An error in the gateway's form."""


def _response(code: int) -> str:
    return f"550 {'.'.join(str(code))} refused" if 400 <= code <= 599 else _RESPONSES.get(code, "554 5.0.0 failed")
