"""What simulated gateways that take one message a request have in common: they check it, and bring it to the desk."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Final
from urllib.parse import urlencode
from uuid import uuid4

from heliograph.simulator.accounts import Account
from heliograph.simulator.delivery import Callback
from heliograph.simulator.desk import Desk, Submission
from heliograph.simulator.http import Reply, Request
from heliograph.simulator.messages import AcceptedMessage
from heliograph.simulator.script import SendAnswer

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_FORM: Final = b"Content-Type: application/x-www-form-urlencoded\r\n"


class Problem(Enum):
    """Why a gateway refuses."""

    AUTH = "the credentials are wrong"
    ACCOUNT = "the account is suspended, or has no money"
    RECIPIENT = "the number is not valid"
    OPT_OUT = "the recipient has opted out"
    SENDER = "the sender is not valid"
    CONTENT = "the text is missing or not allowed"


_OF_TWILIO: Final = {
    20003: Problem.AUTH,
    20005: Problem.ACCOUNT,
    21211: Problem.RECIPIENT,
    21408: Problem.SENDER,
    21606: Problem.SENDER,
    21610: Problem.OPT_OUT,
    21614: Problem.RECIPIENT,
    21617: Problem.CONTENT,
}
"""The codes that presets and older scripts use."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request to send, as a gateway understood it."""

    account: str
    secret: str
    to: str  # with its plus
    sender: str
    body: str
    reference: str = ""
    callback_url: str = ""


class GatewayApi(ABC):
    """A simulated gateway. Its kind knows the requests and the words."""

    codes: ClassVar[Mapping[Problem, str]]  # what the gateway calls each problem

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def answer(self, request: Request) -> Reply:
        """The reply to a request."""
        call = self.read(request)
        if call is None:
            return Reply(404, b"not found", content_type=b"text/plain")
        account = self._desk.account(call.account)
        problem = _problem(account, call)
        if problem is not None:
            return self.refused(problem)
        if not account.may_request():
            return Reply(429, headers=b"Retry-After: 1\r\n")
        submission = Submission(self.new_id(), call.to, call.sender, call.body, call.reference, call.callback_url)
        return self._desk.submit(account, self, [submission])

    def new_id(self) -> str:
        """The name of the next message."""
        return uuid4().hex

    def refused(self, problem: Problem) -> Reply:
        """The reply to a request that breaks a rule."""
        return self.word_error(200, self.codes[problem], problem.value)

    def error(self, answer: SendAnswer, submission: Submission) -> Reply:
        """A scripted error; the codes of the presets become the gateway's own."""
        problem = _OF_TWILIO.get(answer.code) if isinstance(answer.code, int) else None
        if problem is not None:
            return self.refused(problem)
        code = "" if answer.code is None else str(answer.code)
        return self.word_error(answer.status, code, answer.message or f"Error about {submission.to}")

    @abstractmethod
    def read(self, request: Request) -> Call | None:
        """What is asked for; None for an address that is not the gateway's."""

    @abstractmethod
    def accepted(self, messages: Sequence[AcceptedMessage]) -> Reply:
        """The answer to a message that was accepted."""

    @abstractmethod
    def word_error(self, status: int, code: str, text: str) -> Reply:
        """An error in the gateway's form."""

    @abstractmethod
    def callbacks(self, message: AcceptedMessage, status: int, url: str) -> Sequence[Callback]:
        """How a status is told."""


def _problem(account: Account, call: Call) -> Problem | None:
    if not account.takes(call.secret):
        return Problem.AUTH
    if account.script.status != "active" or account.script.is_broke:
        return Problem.ACCOUNT
    if not _E164.fullmatch(call.to):
        return Problem.RECIPIENT
    if not call.sender:
        return Problem.SENDER
    return None if call.body else Problem.CONTENT


def by_get(url: str, fields: Mapping[str, str]) -> Callback:
    """A callback with everything in its query."""
    return Callback(f"{url}{'&' if '?' in url else '?'}{urlencode(fields)}", b"", b"", b"GET")


def by_form(url: str, fields: Mapping[str, str]) -> Callback:
    """A callback with a form."""
    return Callback(url, urlencode(fields).encode("ascii"), _FORM)
