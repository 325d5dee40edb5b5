"""A plain HTTP gateway for custom connectors: one JSON request a message, JSON receipts, tokens by OAuth2.

`POST /custom/messages` takes `{"from", "to", "text", "reference", "callback_url"}` with `Authorization: Bearer
<account>.<key>`, or a token of `POST /custom/token` (client credentials, id = account, secret = key). A digit-only
number is as good as one with a plus. `GET /custom/messages/<id>` tells the status.
"""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from urllib.parse import unquote_plus
from uuid import uuid4

import orjson

from heliograph.simulator.delivery import Callback
from heliograph.simulator.desk import Desk
from heliograph.simulator.forms import read_form
from heliograph.simulator.gateways import Call, GatewayApi, Problem
from heliograph.simulator.http import Reply, Request
from heliograph.simulator.messages import AcceptedMessage
from heliograph.simulator.statuses import DELIVERED, FAILED, NAMES, QUEUED, SENT, UNDELIVERED

_PATH: Final = b"/messages"
_JSON: Final = b"Content-Type: application/json\r\n"
_WORDS: Final = {
    QUEUED: "QUEUED",
    SENT: "SENT",
    DELIVERED: "DELIVRD",
    UNDELIVERED: "UNDELIV",
    FAILED: "FAILED",
}
_STATUSES: Final = {Problem.AUTH: 401, Problem.ACCOUNT: 402}
TOKEN_SECONDS: Final = 3600


class PlainGatewayApi(GatewayApi):
    """The gateway."""

    codes: ClassVar[Mapping[Problem, str]] = {
        Problem.AUTH: "bad_key",
        Problem.ACCOUNT: "no_credit",
        Problem.RECIPIENT: "bad_number",
        Problem.OPT_OUT: "opted_out",
        Problem.SENDER: "bad_sender",
        Problem.CONTENT: "bad_text",
    }

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._tokens: dict[str, str] = {}  # account and key, by token

    def answer(self, request: Request) -> Reply:
        """Sends, tells a status, or gives a token."""
        if request.path == b"/token":
            return self._give_token(request)
        if request.method == b"GET" and request.path.startswith(_PATH + b"/"):
            return self._tell(request)
        return super().answer(request)

    def read(self, request: Request) -> Call | None:
        """The JSON document of a message; None for an address that is not the gateway's."""
        if request.path != _PATH:
            return None
        account, secret = self._who(request)
        try:
            content = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            content = None
        fields: dict[str, Any] = content if isinstance(content, dict) else {}
        return Call(
            account=account,
            secret=secret,
            to="+" + str(fields.get("to", "")).removeprefix("+"),
            sender=str(fields.get("from", "")),
            body=str(fields.get("text", "")),
            reference=str(fields.get("reference", "")),
            callback_url=str(fields.get("callback_url", "")),
        )

    def refused(self, problem: Problem) -> Reply:
        """With a status that fits."""
        return self.word_error(_STATUSES.get(problem, 400), self.codes[problem], problem.value)

    def accepted(self, messages: Sequence[AcceptedMessage]) -> Reply:
        """202, and the id."""
        (message,) = messages
        return Reply(202, b'{"id":"%b","status":"QUEUED"}' % message.sid.encode())

    def word_error(self, status: int, code: str, text: str) -> Reply:
        """`{"error": {"code", "message"}}`."""
        return Reply(status, orjson.dumps({"error": {"code": code, "message": text}}))

    def callbacks(self, message: AcceptedMessage, status: int, url: str) -> Sequence[Callback]:
        """One JSON document a status."""
        word = _WORDS.get(status)
        if word is None:
            return ()
        error = str(message.error_code) if status in {UNDELIVERED, FAILED} else None
        content = {"id": message.sid, "reference": message.reference, "status": word, "error": error}
        return (Callback(url, orjson.dumps(content), _JSON),)

    def _who(self, request: Request) -> tuple[str, str]:
        scheme, _, token = request.authorization.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return "", ""
        account, _, secret = self._tokens.get(token, token).partition(".")
        return account, secret

    def _tell(self, request: Request) -> Reply:
        account, secret = self._who(request)
        if not self._desk.account(account).takes(secret):
            return self.refused(Problem.AUTH)
        if not self._desk.account(account).may_answer():
            return self.word_error(500, "internal", "something went wrong")
        message = self._desk.message(request.path.removeprefix(_PATH + b"/").decode("latin-1"))
        if message is None or message.account_sid != account:
            return self.word_error(404, "unknown", "no such message")
        content = {
            "id": message.sid,
            "status": _WORDS[NAMES.index(message.status)],
            "error": message.error_code or None,
        }
        return Reply(200, orjson.dumps(content))

    def _give_token(self, request: Request) -> Reply:
        form = read_form(request.body)
        client_id, client_secret = form.get("client_id", ""), form.get("client_secret", "")
        if request.authorization[:6].lower() == b"basic ":
            pair = b64decode(request.authorization[6:]).decode("latin-1")
            client_id, client_secret = (unquote_plus(part) for part in pair.split(":", 1))
        if form.get("grant_type") != "client_credentials" or not self._desk.account(client_id).takes(client_secret):
            return Reply(401, b'{"error":"invalid_client"}')
        token = uuid4().hex
        self._tokens[token] = f"{client_id}.{client_secret}"
        content = {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS}
        return Reply(200, orjson.dumps(content))


API: Final = PlainGatewayApi
