"""The simulated IP2SMS: sending in XML and JSON, alone and in groups, and the states of messages."""

from base64 import b64decode
from binascii import Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Final
from uuid import uuid4
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

import orjson
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from heliograph.simulator.accounts import Account
from heliograph.simulator.delivery import Callback
from heliograph.simulator.desk import Desk, Submission
from heliograph.simulator.http import Reply, Request
from heliograph.simulator.messages import AcceptedMessage
from heliograph.simulator.script import SendAnswer

_SEND: Final = b"/ip2sms/"
_ASK: Final = b"/ip2sms-request/"
_STATES: Final = {"sent": "Enroute", "delivered": "Delivered", "undelivered": "Undeliverable", "failed": "Rejected"}
_NO_NUMBER: Final = "Invalid abonent number"
_REASONS: Final[Mapping[int | str | None, str]] = {
    20005: "Prepaid messages limit exceed",
    21211: _NO_NUMBER,
    21408: "Unknown operator code 39",
    21606: "Invalid source number",
    21610: _NO_NUMBER,  # it has no word for it
    21614: _NO_NUMBER,
    21617: "Text don`t match allowed templates",
}
"""The codes of presets in its words."""


@dataclass(frozen=True, slots=True)
class _Sending:
    """A request to send, as it was understood."""

    mode: str
    source: str
    uniq_key: str
    texts: Sequence[tuple[str, str]]  # number, text


class Ip2smsApi:
    """One operator; requests say by their content type which form they are in."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._keys: set[tuple[str, str]] = set()
        self._groups: dict[str, list[str]] = {}
        self._form: _Xml | _Json = _Xml()

    def answer(self, request: Request) -> Reply:
        """The reply to a request."""
        self._form = _Json() if b"json" in request.header(b"content-type").encode() else _Xml()
        name, _, password = _credentials(request.authorization).partition(":")
        account = self._desk.account(name)
        if not name or not account.takes(password):
            return _plain(401, b"401 Unauthorized")
        if not account.may_request():
            return Reply(429, b"Too many requests", content_type=b"text/plain", headers=b"Retry-After: 1\r\n")
        if request.path == _ASK:
            return self._tell(account, request.body)
        if request.path != _SEND:
            return _plain(404, b"Not found")
        sending = self._form.read(request.body)
        if sending is None:
            return _plain(200, b"Request not recognized - parse failed")
        return self._send(account, sending)

    def _send(self, account: Account, sending: _Sending) -> Reply:
        reason = self._refusal(account, sending)
        if reason is not None:
            return self._form.rejected(reason)
        group = str(uuid4().int >> 76) if sending.mode != "single" else ""
        submissions = [
            Submission(
                f"{group}/{uuid4().int >> 76}" if group else str(uuid4().int >> 76),
                f"+{number}",
                sending.source,
                text,
                reference=sending.uniq_key if not group else "",
            )
            for number, text in sending.texts
        ]
        reply = self._desk.submit(account, self, submissions)
        if self._desk.message(submissions[0].provider_message_id) is not None:
            if sending.uniq_key:
                self._keys.add((account.sid, sending.uniq_key))
            if group:
                self._groups[group] = [each.provider_message_id for each in submissions]
        return reply

    def _refusal(self, account: Account, sending: _Sending) -> str | None:
        if account.script.status != "active" or account.script.is_broke:
            return "Prepaid messages limit exceed"
        if sending.mode != "single" and len(sending.texts) < 2:
            return "2 or more numbers required for bulk or individual mode"
        if (account.sid, sending.uniq_key) in self._keys:
            return "uniq_key dupe"
        if any(not text for _, text in sending.texts):
            return "Message text not found"
        if any(not (number.isdigit() and 7 <= len(number) <= 15) for number, _ in sending.texts):
            return _NO_NUMBER
        return None if sending.source else "Invalid source number"

    def _tell(self, account: Account, question: bytes) -> Reply:
        failure = account.script.failure
        if failure is not None and not account.may_answer():
            return _plain(failure.status, b"Failure")
        named, group = self._form.asked(question)
        if group:
            found = [self._desk.message(each) for each in self._groups.get(group, [])]
            return self._form.details(group, [each for each in found if each is not None])
        of_group = next((each for ids in self._groups.values() for each in ids if each.endswith(f"/{named}")), named)
        message = self._desk.message(of_group)
        if message is None or message.account_sid != account.sid:
            return self._form.rejected("Unknown id")
        return self._form.one(named, _state(message))

    def accepted(self, messages: Sequence[AcceptedMessage]) -> Reply:
        """The ids."""
        group, _, named = messages[0].sid.rpartition("/")
        return self._form.group(group, messages) if group else self._form.one(named, "Accepted")

    def error(self, answer: SendAnswer, submission: Submission) -> Reply:  # noqa: ARG002
        """A scripted error: `Rejected` with its reason, or a plain text where the status is worse."""
        text = answer.message or str(answer.code or "Error")
        if answer.status in {401, 403, 408, 429} or answer.status >= 500:
            return _plain(answer.status, text.encode())
        return self._form.rejected(_REASONS.get(answer.code, text))

    def callbacks(self, message: AcceptedMessage, status: int, url: str) -> Sequence[Callback]:  # noqa: ARG002
        """None: it is asked."""
        return ()


class _Xml:
    """The form of the operators' pages."""

    def read(self, body: bytes) -> _Sending | None:
        """A request to send; None for what is none."""
        root = _parsed(body)
        service = None if root is None else root.find("service")
        if root is None or service is None:
            return None
        numbers = [each.text or "" for each in root.findall("to")]
        texts = [each.text or "" for each in root.findall("body")]
        if len(numbers) != len(texts):
            return None
        pairs = list(zip(numbers, texts, strict=True))
        return _Sending(service.get("id", ""), service.get("source", ""), service.get("uniq_key", ""), pairs)

    def asked(self, body: bytes) -> tuple[str, str]:
        """The message and the group that a question names."""
        root = _parsed(body)
        return ("", "") if root is None else (root.get("id", ""), root.get("groupid", ""))

    def rejected(self, reason: str) -> Reply:
        """No id, and why."""
        return _xml(f"<status date=''><state error={quoteattr(reason)}>Rejected</state></status>")

    def one(self, named: str, state: str) -> Reply:
        """One message."""
        return _xml(f'<status id="{named}" date="{formatdate()}"><state>{state}</state></status>')

    def group(self, group: str, messages: Sequence[AcceptedMessage]) -> Reply:
        """The messages of a group that was accepted."""
        pairs = "".join(f"<id>{_own(each)}</id><state>Accepted</state>" for each in messages)
        return _xml(f'<status groupid="{group}" date="{formatdate()}">{pairs}</status>')

    def details(self, group: str, messages: Sequence[AcceptedMessage]) -> Reply:
        """A group as it is now."""
        pairs = "".join(f"<id>{_own(each)}</id><state>{_state(each)}</state>" for each in messages)
        return _xml(
            f'<status groupid="{group}" date="{formatdate()}" reports="waiting"><state>sending</state>'
            f"<total>{len(messages)}</total><detail>{pairs}</detail></status>"
        )


class _Json:
    """The form that several clients use."""

    def read(self, body: bytes) -> _Sending | None:
        """A request to send; None for what is none."""
        content = _object(body)
        to = content.get("to")
        if not isinstance(to, list) or not to:
            return None
        common = content.get("body", {})
        texts = [(str(each.get("msisdn", "")), str(each.get("body", common).get("value", ""))) for each in to]
        return _Sending(
            str(content.get("id", "")), str(content.get("source", "")), str(content.get("uniq_key", "")), texts
        )

    def asked(self, body: bytes) -> tuple[str, str]:
        """The message and the group that a question names."""
        content = _object(body)
        return str(content.get("id", "")), str(content.get("groupid", ""))

    def rejected(self, reason: str) -> Reply:
        """No id, and why."""
        return _json({"state": {"value": "Rejected", "error": reason}, "error": reason})

    def one(self, named: str, state: str) -> Reply:
        """One message."""
        return _json({"state": {"value": state}, "id": _number(named), "date": formatdate(), "execTime": 1})

    def group(self, group: str, messages: Sequence[AcceptedMessage]) -> Reply:
        """The messages of a group that was accepted."""
        detail = [{"id": _number(_own(each)), "state": {"value": "Accepted"}} for each in messages]
        return _json({"groupid": int(group), "date": formatdate(), "detail": detail})

    def details(self, group: str, messages: Sequence[AcceptedMessage]) -> Reply:
        """A group as it is now."""
        detail = [{"id": _number(_own(each)), "state": {"value": _state(each)}} for each in messages]
        return _json({"groupid": _number(group), "date": formatdate(), "detail": detail})


def _state(message: AcceptedMessage) -> str:
    return _STATES.get(message.status, "Accepted")


def _own(message: AcceptedMessage) -> str:
    return message.sid.rpartition("/")[2]


def _number(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def _credentials(header: bytes) -> str:
    try:
        return b64decode(header.removeprefix(b"Basic ")).decode()
    except (Error, UnicodeDecodeError):
        return ""


def _parsed(body: bytes) -> Element | None:
    try:
        root: Element = fromstring(body)
    except (ParseError, DefusedXmlException):
        return None
    return root


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}


def _plain(status: int, text: bytes) -> Reply:
    return Reply(status, text, content_type=b"text/plain")


def _xml(text: str) -> Reply:
    return Reply(200, text.encode(), content_type=b"text/xml; charset=utf-8")


def _json(content: dict[str, Any]) -> Reply:
    return Reply(200, orjson.dumps(content))


API: Final = Ip2smsApi
