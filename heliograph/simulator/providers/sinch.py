"""The simulated Sinch: batches with parameters, their delivery reports, the list of batches."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote
from uuid import uuid4

import orjson

from heliograph.simulator.accounts import Account
from heliograph.simulator.delivery import Callback
from heliograph.simulator.desk import Desk, Submission
from heliograph.simulator.forms import read_form
from heliograph.simulator.http import Reply, Request
from heliograph.simulator.messages import AcceptedMessage
from heliograph.simulator.script import SendAnswer
from heliograph.simulator.statuses import CANCELED, DELIVERED, FAILED, NAMES, QUEUED, SENT, UNDELIVERED

_PATH: Final = re.compile(r"/xms/v1/(?P<plan>[^/]+)/batches(?:/(?P<batch>[^/]+)/delivery_report(?:/(?P<number>.+))?)?")
_PARAMETER: Final = re.compile(r"\$\{([A-Za-z0-9._-]{1,16})\}")
_MSISDN: Final = re.compile(r"(?:\+|00)?([1-9][0-9]{6,14})")
_MOST_RECIPIENTS: Final = 1000
_LONGEST_TEXT: Final = 1600
_LONGEST_VALUE: Final = 160
_LARGEST_PAGE: Final = 100
_WORDS: Final = {
    QUEUED: ("Queued", 400),
    SENT: ("Dispatched", 401),
    DELIVERED: ("Delivered", 0),
    UNDELIVERED: ("Failed", 404),
    FAILED: ("Aborted", 403),
    CANCELED: ("Cancelled", 407),
}
"""Status and, where the script has none, code."""
_CODES: Final = {30003: 404, 30005: 402, 30006: 402, 30007: 408, 30004: 408, 30008: 403}
"""What a script calls by Twilio's codes."""
_BAD_NUMBER: Final = "syntax_invalid_parameter_format"
"""Stands for the refusals that a script calls by Twilio's codes."""
_HEADERS: Final = b"Content-Type: application/json\r\n"


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch that was taken, as it was asked for."""

    account: str
    name: str
    content: Mapping[str, Any]
    created_at: float

    def as_json(self) -> dict[str, Any]:
        at = _instant(self.created_at)
        return {**self.content, "id": self.name, "canceled": False, "created_at": at, "modified_at": at}


class SinchApi:
    """Stands for the hosts of all regions."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._batches: dict[str, _Batch] = {}

    def answer(self, request: Request) -> Reply:
        """The reply to a request."""
        path = _PATH.fullmatch(unquote(request.path.decode("ascii", "replace")))
        if path is None:
            return Reply(404)
        account = self._desk.account(path["plan"])
        scheme, _, token = request.authorization.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not account.takes(token):
            return Reply(401)
        if not account.may_request():
            return Reply(429)
        if request.method == b"POST":
            return self._send(account, request)
        return self._tell(account, request, path["batch"], path["number"])

    def _send(self, account: Account, request: Request) -> Reply:
        try:
            content = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return _error(400, "syntax_invalid_json", "The request is not JSON")
        refused = _refusal(account, content)
        if refused is not None:
            return refused
        batch = _Batch(account.sid, uuid4().hex[:26].upper(), content, time.time())
        self._batches[batch.name] = batch
        reply = self._desk.submit(account, self, [_submission(batch, number) for number in content["to"]])
        if self._desk.message(f"{batch.name}/{content['to'][0]}") is None:
            del self._batches[batch.name]
        return reply

    def _tell(self, account: Account, request: Request, name: str | None, number: str | None) -> Reply:
        failure = account.script.failure
        if failure is not None and not account.may_answer():
            return Reply(failure.status)
        if name is None:
            return self._list(account, read_form(request.query))
        batch = self._batches.get(name)
        if batch is None or batch.account != account.sid:
            return Reply(404)
        if number is None:
            return _json(self._report(batch))
        message = self._desk.message(f"{name}/{number}")
        return Reply(404) if message is None else _json(_recipient_report(message, NAMES.index(message.status)))

    def _list(self, account: Account, query: dict[str, str]) -> Reply:
        """A page, newest first."""
        try:
            size, page = min(int(query.get("page_size", 30)), _LARGEST_PAGE), int(query.get("page", 0))
            start = _seconds(query.get("start_date"), time.time() - 86400)
            end = _seconds(query.get("end_date"), float("inf"))
        except ValueError:
            return _error(400, "syntax_invalid_parameter_format", "The query is not valid")
        sender = query.get("from")
        found = [
            batch
            for batch in reversed(self._batches.values())
            if batch.account == account.sid
            and start <= batch.created_at < end
            and sender in {None, batch.content["from"]}
        ]
        shown = [batch.as_json() for batch in found[page * size : (page + 1) * size]]
        return _json({"count": len(found), "page": page, "page_size": len(shown), "batches": shown})

    def _report(self, batch: _Batch) -> dict[str, Any]:
        """A full report; one status for each message, which is as good as one for each status."""
        statuses = []
        for number in batch.content["to"]:
            message = self._desk.message(f"{batch.name}/{number}")
            if message is not None:
                word, code = _status(message, NAMES.index(message.status))
                statuses.append({"status": word, "code": code, "count": 1, "recipients": [number]})
        kind = "delivery_report_sms"
        return {"type": kind, "batch_id": batch.name, "total_message_count": len(statuses), "statuses": statuses}

    # -- what the desk asks for
    def accepted(self, messages: Sequence[AcceptedMessage]) -> Reply:
        """The batch."""
        return _json(self._batches[messages[0].sid.partition("/")[0]].as_json(), 201)

    def error(self, answer: SendAnswer, submission: Submission) -> Reply:
        """Sinch's error body; with the number in it, as the worst of providers do."""
        code = answer.code if isinstance(answer.code, str) else _BAD_NUMBER
        return _error(answer.status, code, answer.message or f"Error {answer.code} for {submission.to}")

    def callbacks(self, message: AcceptedMessage, status: int, url: str) -> Sequence[Callback]:
        """One for each status of each recipient."""
        batch = self._batches.get(message.sid.partition("/")[0])
        if batch is None or batch.content.get("delivery_report") != "per_recipient":
            return ()
        report = _recipient_report(message, status)
        if "client_reference" in batch.content:
            report["client_reference"] = batch.content["client_reference"]
        return (Callback(url, orjson.dumps(report), _HEADERS),)


def _refusal(account: Account, content: Any) -> Reply | None:
    """Sinch's own checks."""
    try:
        numbers = [_MSISDN.fullmatch(number) for number in content["to"]]
        sender, body = content["from"], content["body"]
        parameters = content.get("parameters") or {}
        values = [value for each in parameters.values() for value in each.values()]
    except (KeyError, TypeError, AttributeError):
        return _error(400, "syntax_constraint_violation", "A field is missing or has the wrong type")
    if account.script.status != "active" or account.script.is_broke:
        return _error(403, "account_blocked", "The account cannot send")
    if not all(numbers) or not account.owns(sender, account.script.numbers):
        return _error(400, _BAD_NUMBER, f"A number of {content['to']} or {sender} is not valid")
    if not 0 < len(numbers) <= _MOST_RECIPIENTS or not body or len(body) > _LONGEST_TEXT:
        return _error(400, "syntax_constraint_violation", "The recipients or the text are too many")
    if any(len(value) > _LONGEST_VALUE for value in values):
        return _error(400, "syntax_constraint_violation", "A value is longer than 160 characters")
    content["to"] = [found[1] for found in numbers if found is not None]
    return None


def _submission(batch: _Batch, number: str) -> Submission:
    content = batch.content
    parameters = content.get("parameters") or {}

    def value(name: re.Match[str]) -> str:
        values = parameters.get(name[1], {})
        return str(values.get(number, values.get("default", name[0])))

    return Submission(
        provider_message_id=f"{batch.name}/{number}",
        to=f"+{number}",
        sender=content["from"],
        body=_PARAMETER.sub(value, content["body"]),
        reference=content.get("client_reference", ""),
        callback_url=content.get("callback_url", ""),
    )


def _recipient_report(message: AcceptedMessage, status: int) -> dict[str, Any]:
    batch, _, number = message.sid.partition("/")
    word, code = _status(message, status)
    at = {QUEUED: message.accepted_at, SENT: message.sent_at}.get(status, message.final_at)
    return {
        "type": "recipient_delivery_report_sms",
        "batch_id": batch,
        "recipient": number,
        "code": code,
        "status": word,
        "at": _instant(at),
    }


def _status(message: AcceptedMessage, status: int) -> tuple[str, int]:
    word, code = _WORDS[status]
    if status in {UNDELIVERED, FAILED} and message.error_code:
        code = _CODES.get(message.error_code, message.error_code)
    return word, code


def _instant(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03}Z"


def _seconds(text: str | None, otherwise: float) -> float:
    return otherwise if text is None else datetime.fromisoformat(text).timestamp()


def _error(status: int, code: str, text: str) -> Reply:
    return _json({"code": code, "text": text}, status)


def _json(content: dict[str, Any], status: int = 200) -> Reply:
    return Reply(status, orjson.dumps(content))


API: Final = SinchApi
