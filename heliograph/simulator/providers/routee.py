"""The simulated Routee: tokens, single messages, their tracking, the balance. One callback for each part."""

import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import unquote
from uuid import uuid4

import orjson

from heliograph.simulator.accounts import Account, basic_credentials
from heliograph.simulator.delivery import Callback
from heliograph.simulator.desk import Desk, Submission
from heliograph.simulator.forms import read_form
from heliograph.simulator.http import Reply, Request
from heliograph.simulator.messages import AcceptedMessage
from heliograph.simulator.script import SendAnswer
from heliograph.simulator.statuses import CANCELED, DELIVERED, FAILED, NAMES, QUEUED, SENT, UNDELIVERED

_TOKEN_SECONDS: Final = 3600
_WORDS: Final = {
    QUEUED: "Queued",
    SENT: "Sent",
    DELIVERED: "Delivered",
    UNDELIVERED: "Undelivered",
    FAILED: "Failed",
    CANCELED: "Unsent",
}
_REASONS: Final = {
    30003: "Undelivered on Handset",
    30004: "Call Barred",
    30005: "Unknown Number",
    30006: "Unknown Number",
    30007: "Carrier Violation",
}
"""What a script calls by Twilio's codes; all others are an unknown status."""
_UNPUBLISHED: Final = "400005000"
"""Stands for the refusals that a script calls by Twilio's codes: Routee publishes this code alone."""
_HEADERS: Final = b"Content-Type: application/json\r\n"
_REFERENCE: Final = "r="


class RouteeApi:
    """Stands for auth.routee.net and connect.routee.net."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._tokens: dict[str, tuple[str, str]] = {}  # token → application id and secret

    def answer(self, request: Request) -> Reply:
        """The reply to a request."""
        if request.path == b"/oauth/token":
            return self._token(request)
        account = self._authorized(request)
        if account is None:
            return _unauthorized(request)
        if not account.may_request():
            return _error(429, "429000000", "Too many requests")
        if request.path == b"/sms" and request.method == b"POST":
            return self._send(account, request)
        return self._tell(account, request)

    def _tell(self, account: Account, request: Request) -> Reply:
        failure = account.script.failure
        if failure is not None and not account.may_answer():
            return _error(failure.status, f"{failure.status}000000", "Failed")
        if request.path == b"/accounts/me/balance":
            return _json({"balance": float(account.script.balance), "currency": _currency(account)})
        return self._track(account, unquote(request.path.decode("ascii", "replace")))

    def _token(self, request: Request) -> Reply:
        application, secret = basic_credentials(request.authorization)
        asked = read_form(request.body).get("grant_type")
        if request.method != b"POST" or asked != "client_credentials":
            return _json({"error": "unsupported_grant_type"}, 400)
        if not application or not self._desk.account(application).takes(secret):
            return _unauthorized(request)
        token = str(uuid4())
        self._tokens[token] = (application, secret)
        return _json({"access_token": token, "token_type": "bearer", "expires_in": _TOKEN_SECONDS, "scope": "sms"})

    def _authorized(self, request: Request) -> Account | None:
        scheme, _, token = request.authorization.decode("latin-1").partition(" ")
        known = self._tokens.get(token) if scheme.lower() == "bearer" else None
        if known is None:
            return None
        account = self._desk.account(known[0])
        return account if account.takes(known[1]) else None

    def _send(self, account: Account, request: Request) -> Reply:
        try:
            content = orjson.loads(request.body)
            to, sender, body = content["to"], content["from"], content["body"]
            callback = content.get("callback") or {"url": ""}
            url = callback["url"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return _error(400, "400000000", "The request is not valid")
        if account.script.status != "active" or account.script.is_broke:
            return _error(403, "403000000", "The account cannot send")
        if not to or not account.owns(sender, account.script.numbers):
            return _error(400, "400005000", "The SMS has no recipients or the sender is invalid")
        reference = url.partition(_REFERENCE)[2]
        return self._desk.submit(account, self, [Submission(str(uuid4()), to, sender, body, reference, url)])

    def _track(self, account: Account, path: str) -> Reply:
        message = self._desk.message(path.removeprefix("/sms/tracking/single/"))
        if message is None or message.account_sid != account.sid:
            return _error(404, "404005000", "Tracking not found")
        status = NAMES.index(message.status)
        return _json([_tracked(message, status, part) for part in range(1, message.segments + 1)])

    # -- what the desk asks for
    def accepted(self, messages: Sequence[AcceptedMessage]) -> Reply:
        """The one message."""
        (message,) = messages
        return _json(
            {
                "trackingId": message.sid,
                "status": "Queued",
                "createdAt": _instant(message.accepted_at),
                "from": message.sender,
                "to": message.to,
                "body": message.body,
                "bodyAnalysis": {"parts": message.segments, "characters": len(message.body)},
                "flash": False,
            }
        )

    def error(self, answer: SendAnswer, submission: Submission) -> Reply:
        """Routee's error body; with the number in it, as the worst of providers do."""
        code = answer.code if isinstance(answer.code, str) else _UNPUBLISHED
        return _error(answer.status, code, answer.message or f"Error {answer.code} for {submission.to}")

    def callbacks(self, message: AcceptedMessage, status: int, url: str) -> Sequence[Callback]:
        """One for each part."""
        parts = range(1, message.segments + 1)
        return [Callback(url, orjson.dumps(_called_back(message, status, part)), _HEADERS) for part in parts]


def _called_back(message: AcceptedMessage, status: int, part: int) -> dict[str, Any]:
    changed = {"name": _WORDS[status], "reason": _reason(message, status), "updatedDate": _changed_at(message, status)}
    return {**_part(message, part), "status": changed, "message": message.body, "campaignName": None}


def _tracked(message: AcceptedMessage, status: int, part: int) -> dict[str, Any]:
    changed = {"status": _WORDS[status], "reason": _reason(message, status), "date": _changed_at(message, status)}
    return {**_part(message, part), "status": changed, "body": message.body, "campaign": None}


def _part(message: AcceptedMessage, part: int) -> dict[str, Any]:
    return {
        "messageId": message.sid,
        "smsId": f"{message.sid}-{part}",
        "part": part,
        "parts": message.segments,
        "label": None,
        "to": message.to,
        "from": message.sender,
        "country": None,
        "operator": None,
        "groups": [],
        "applicationName": message.account_sid,
        "latency": 0,
        "price": 0.01,
        "direction": "Outbound",
        "originatingService": "Sms",
    }


def _reason(message: AcceptedMessage, status: int) -> dict[str, str]:
    detailed = _WORDS[status]
    if status in {UNDELIVERED, FAILED}:
        detailed = _REASONS.get(message.error_code, "Unknown Status")
    return {"detailedStatus": detailed, "description": detailed}


def _changed_at(message: AcceptedMessage, status: int) -> str:
    return _instant({QUEUED: message.accepted_at, SENT: message.sent_at}.get(status, message.final_at))


def _instant(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03}Z"


def _currency(account: Account) -> dict[str, str]:
    code = account.script.currency
    return {"code": code, "name": code, "sign": code}


def _unauthorized(request: Request) -> Reply:
    body = {"timestamp": int(time.time() * 1000), "status": 401, "error": "Unauthorized", "message": "Unauthorized"}
    return _json({**body, "path": request.path.decode("ascii", "replace")}, 401)


def _error(status: int, code: str, message: str) -> Reply:
    return _json({"code": code, "developerMessage": message}, status)


def _json(content: dict[str, Any] | list[dict[str, Any]], status: int = 200) -> Reply:
    return Reply(status, orjson.dumps(content))


API: Final = RouteeApi
